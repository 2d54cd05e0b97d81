import { z } from "zod";
import { breakGlassSchema } from "../act/break-glass.js";
import { infraRevisionSchema } from "../act/infra-context.js";
import { charterVersionsShape } from "../charter/versions.js";
import { gitIdSchema } from "../git/git-id.js";
import { blake3Schema, jtiSchema, tenantIdSchema, timeMsSchema } from "../ids.js";

/**
 * The object `claims/<tenant>/<jti>`, by which a Runner claims a permit for one act. Only Runners write it, signed by a receipt key. Source:
 * contracts "Then the claim".
 */
export const claimSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  jti: jtiSchema,
  envelope_digest: blake3Schema,
  /** Together they name the execution that holds the claim. A retry of the same command has the same three. */
  workflow_id: z.string(),
  run_id: z.string(),
  activity_id: z.string(),
  attempt: z.int().positive(),
  nonce: z.string(),
  claimed_at: timeMsSchema,
  /** The versions of the charters in which the key that signs the claim is valid. */
  ...charterVersionsShape,
  /** The BLAKE3 of the JCS of each signed approval that the first attempt counted, in their order. */
  statement_digests: z.array(blake3Schema),
  /** The revision of the infra registry that the first attempt checked the act against. */
  infra_revision: infraRevisionSchema.optional(),
  /** Where the first attempt's check saw the target of a merge whose params leave it open. */
  pinned_target: gitIdSchema.optional(),
  /** The emergency that the approved card declares. */
  break_glass: breakGlassSchema.optional(),
  /** Whether the only person who can approve approved an act of their own. */
  solo: z.literal(true).optional(),
  kid: z.string().min(1).max(64),
  sig: z.string().min(1).max(200),
});
export type Claim = z.infer<typeof claimSchema>;
