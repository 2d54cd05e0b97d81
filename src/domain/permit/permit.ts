import { z } from "zod";
import { jobTypeSchema } from "../act/job.js";
import { charterVersionsShape } from "../charter/versions.js";
import {
  actorIdSchema,
  blake3Schema,
  cardIdSchema,
  jtiSchema,
  officeIdSchema,
  targetSchema,
  tenantIdSchema,
  timeMsSchema,
} from "../ids.js";
import { LEVELS } from "../level.js";

/** The maximum run time of a permit, in milliseconds: a day, as in the policy's data. */
const RUN_MAX_MS = 24 * 3_600_000;

export const permitScopesSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  jobType: jobTypeSchema,
  target: targetSchema,
  subject_hash: blake3Schema,
  policy_hash: blake3Schema,
  /** The versions of the charters by which the act was decided. A Runner whose store lacks them does not act. */
  ...charterVersionsShape,
  approval_ref: cardIdSchema.optional(),
  level: z.enum(LEVELS),
  actor_id: actorIdSchema,
  office_id: officeIdSchema,
  plan_digest: blake3Schema.optional(),
  /** BLAKE3 of JCS of the project's infra context; absent in a deployment without an infra registry. */
  infra_hash: blake3Schema.optional(),
});

/**
 * Permission for one act: what may run (`scopes`), where (`aud`), and until when (`exp`, milliseconds since 1970). A claim uses up its
 * `jti`. `max_run_ms` limits the work after the claim. Source: ADR-002 §8, contracts "Permit, command, claim, receipt".
 */
export const permitSchema = z.strictObject({
  aud: z.string().regex(/^runner:LAB_(?:512|256|8GB)$/, "Write `runner:` and a target."),
  jti: jtiSchema,
  iat: timeMsSchema,
  exp: timeMsSchema,
  max_run_ms: z.int().positive().max(RUN_MAX_MS),
  scopes: permitScopesSchema,
  kid: z.string().min(1).max(64),
  sig: z.string().min(1).max(200),
});
export type Permit = z.infer<typeof permitSchema>;
export type UnsignedPermit = Omit<Permit, "kid" | "sig">;

export function toAudience(target: string): string {
  return `runner:${target}`;
}
