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

/** What is sent to be an entry of a charter: an entry of the founding key, or a request about recovery. */
export type SentEntry = CharterEntry | RecoveryRequest;

/** Returns the request that an entry answers, undefined if it is not about recovery. */
export function findAnsweredRequest({ tenant_id, change, authority }: CharterEntry): RecoveryRequest | undefined {
  if (authority.kind === "announcement") return { kind: "complete", tenant_id, announcement: authority.version };
  if (authority.kind !== "recovery" || change.jobType !== "registry.recovery.announce") return undefined;
  const { after, signatures } = authority;
  return { kind: "announce", tenant_id, after, change: change.params.change, signatures };
}

/** Names what an entry would do. */
export function describeSentEntry(sent: SentEntry): string {
  if (!("kind" in sent)) return `version ${sent.version}, ${sent.change.jobType}`;
  if (sent.kind === "announce") return `announce ${sent.change.jobType}`;
  return `make the change that version ${sent.announcement} announced`;
}
