import { z } from "zod";
import { tenantIdSchema } from "../ids.js";
import { announcementSchema } from "./announcement.js";
import type { CharterEntry } from "./entry.js";

/** Asks a Runner to append an announcement, or the change that the entry `announcement` announced. The Runner adds when it saw it. */
export const recoveryRequestSchema = z.discriminatedUnion(
  "kind",
  [
    z.strictObject({ kind: z.literal("announce"), ...announcementSchema.shape }),
    z.strictObject({ kind: z.literal("complete"), tenant_id: tenantIdSchema, announcement: z.int().positive() }),
  ],
  "Write `announce` or `complete`.",
);
export type RecoveryRequest = z.infer<typeof recoveryRequestSchema>;

/** Returns the request that an entry answers, undefined if it is not about recovery. */
export function findAnsweredRequest({ tenant_id, change, authority }: CharterEntry): RecoveryRequest | undefined {
  if (authority.kind === "announcement") return { kind: "complete", tenant_id, announcement: authority.version };
  if (authority.kind !== "recovery" || change.jobType !== "registry.recovery.announce") return undefined;
  const { after, signatures } = authority;
  return { kind: "announce", tenant_id, after, change: change.params.change, signatures };
}
