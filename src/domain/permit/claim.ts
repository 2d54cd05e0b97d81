import { z } from "zod";
import { infraRevisionSchema } from "../act/infra-context.js";
import { blake3Schema, jtiSchema, tenantIdSchema, timeMsSchema } from "../ids.js";
import { formatProblems, parseWith } from "../problems.js";

/**
 * The object `claims/<tenant>/<jti>`. Its creation decides what happens to the permit: a Runner claims the permit to act, LAB 256 claims
 * it to end it unused. Source: contracts "Permit, command, claim, receipt".
 */
export const claimSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("act"),
    tenant_id: tenantIdSchema,
    jti: jtiSchema,
    envelope_digest: blake3Schema,
    /** These three identify the execution that holds the claim. A retry of the same command has the same ones. */
    workflow_id: z.string(),
    run_id: z.string(),
    activity_id: z.string(),
    attempt: z.int().positive(),
    nonce: z.string(),
    claimed_at: timeMsSchema,
    /** The revision of the infra registry that the act was checked against. An attempt that takes over the claim does not check again. */
    infra_revision: infraRevisionSchema.optional(),
  }),
  z.strictObject({
    kind: z.literal("end"),
    tenant_id: tenantIdSchema,
    jti: jtiSchema,
    end: z.enum(["revoked", "expired", "refused"]),
    reason: z.string(),
    nonce: z.string(),
    claimed_at: timeMsSchema,
  }),
]);
export type Claim = z.infer<typeof claimSchema>;
export type ActClaim = Extract<Claim, { kind: "act" }>;
export type EndClaim = Extract<Claim, { kind: "end" }>;

/** @throws Error for a claim of `jti` that is malformed. */
export function parseClaim(bytes: Uint8Array, jti: string): Claim {
  const parsed = parseWith(claimSchema, JSON.parse(Buffer.from(bytes).toString("utf8")));
  if (parsed.ok) return parsed.value;
  throw new Error(`The claim of ${jti} is malformed (${formatProblems(parsed.problems)}); restore the object from a backup.`);
}
