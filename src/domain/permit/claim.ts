import { z } from "zod";
import { infraRevisionSchema } from "../act/infra-context.js";
import { blake3Schema, jtiSchema, tenantIdSchema, timeMsSchema } from "../ids.js";

/**
 * The object `claims/<tenant>/<jti>`: whoever creates it decides what becomes of the permit. A Runner claims it to act; LAB 256
 * claims it to end the permit unused. Source: contracts "Permit, command, claim, receipt".
 */
export const claimSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("act"),
    tenant_id: tenantIdSchema,
    jti: jtiSchema,
    envelope_digest: blake3Schema,
    /** Which execution holds it: a retry of the same command has the same three. */
    workflow_id: z.string(),
    run_id: z.string(),
    activity_id: z.string(),
    attempt: z.int().positive(),
    nonce: z.string(),
    claimed_at: timeMsSchema,
    /** By which revision of the infra registry the act was checked: who takes the claim over does not check again. */
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
