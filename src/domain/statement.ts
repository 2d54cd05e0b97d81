import { z } from "zod";
import { canonicalBytes } from "./canonical.js";
import { type Blake3Hex, blake3, blake3Hex } from "./hash.js";
import { actorIdSchema, blake3Schema, cardIdSchema, officeIdSchema, tenantIdSchema, timeMsSchema } from "./ids.js";

export const DECISIONS = ["approve", "reject", "withdraw"] as const;
export type Decision = (typeof DECISIONS)[number];

/** What a person says of a plan. `not_after` is in milliseconds since 1970. Source: contracts "Plan and statements". */
export const statementSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  card_id: cardIdSchema,
  plan_digest: blake3Schema,
  decision: z.enum(DECISIONS, "Write `approve`, `reject` or `withdraw`."),
  approver: actorIdSchema,
  office_id: officeIdSchema,
  nonce: z.string().regex(/^[A-Za-z0-9_-]{22,64}$/, "Write 22 to 64 base64url characters."),
  not_after: timeMsSchema,
});
export type Statement = z.infer<typeof statementSchema>;

/** The WebAuthn challenge of a stepped-up statement: BLAKE3 of its JCS, 32 bytes. */
export function statementChallenge(statement: Statement): Uint8Array {
  return blake3(canonicalBytes(statement));
}

export function statementDigest(statement: Statement): Blake3Hex {
  return blake3Hex(canonicalBytes(statement));
}

/** A WebAuthn assertion as browsers serialise it (WebAuthn Level 3 §5.1, AuthenticationResponseJSON); base64url members. */
export const assertionSchema = z.object({
  id: z.string().max(1024),
  rawId: z.string().max(1024),
  type: z.literal("public-key"),
  response: z.object({
    clientDataJSON: z.string().max(8192),
    authenticatorData: z.string().max(8192),
    signature: z.string().max(8192),
    userHandle: z.string().max(1024).optional(),
  }),
  clientExtensionResults: z.record(z.string(), z.unknown()).default({}),
  authenticatorAttachment: z.string().max(64).optional(),
});
export type Assertion = z.infer<typeof assertionSchema>;

/** A statement with its proof: the api's signature for the person it authenticated, and the person's own step-up where there is one. */
export const signedStatementSchema = z.strictObject({
  statement: statementSchema,
  attestor: z.strictObject({ kid: z.string().min(1).max(64), sig: z.string().min(1).max(200) }),
  assertion: assertionSchema.optional(),
});
export type SignedStatement = z.infer<typeof signedStatementSchema>;
