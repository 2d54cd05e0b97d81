import { z } from "zod";
import { toCanonicalBytes } from "../bytes/canonical.js";
import { type Blake3Hex, hashBlake3, hashBlake3Hex } from "../bytes/hash.js";
import { actorIdSchema, blake3Schema, cardIdSchema, officeIdSchema, tenantIdSchema, timeMsSchema } from "../ids.js";

export const STATEMENT_DECISIONS = ["approve", "reject", "withdraw"] as const;
export type StatementDecision = (typeof STATEMENT_DECISIONS)[number];

/**
 * A person's decision about a plan of a card. `card_digest` is that of `hashCard`, `round` counts the card's plans from 1. Before the first
 * plan, a card can be rejected or withdrawn by a statement of round 0 whose `plan_digest` is null. An approval can complete a requirement
 * until `not_after`, in milliseconds since 1970. Source: contracts "Plan and statements".
 */
export const statementSchema = z
  .strictObject({
    tenant_id: tenantIdSchema,
    card_id: cardIdSchema,
    card_digest: blake3Schema,
    round: z.int().nonnegative(),
    plan_digest: blake3Schema.nullable(),
    decision: z.enum(STATEMENT_DECISIONS, "Write `approve`, `reject` or `withdraw`."),
    approver: actorIdSchema,
    office_id: officeIdSchema,
    nonce: z.string().regex(/^[A-Za-z0-9_-]{22,64}$/, "Write 22 to 64 base64url characters."),
    not_after: timeMsSchema,
  })
  .refine(({ round, plan_digest }) => (round === 0) === (plan_digest === null), {
    path: ["plan_digest"],
    error: "Write the plan's digest; null stands for no plan yet, which is round 0.",
  })
  .refine(({ decision, plan_digest }) => decision !== "approve" || plan_digest !== null, {
    path: ["decision"],
    error: "Only a plan can be approved; a card without one can be rejected or withdrawn.",
  });
export type Statement = z.infer<typeof statementSchema>;

/** Computes the WebAuthn challenge of a stepped-up statement: the BLAKE3 of its JCS, 32 bytes. */
export function computeStatementChallenge(statement: Statement): Uint8Array {
  return hashBlake3(toCanonicalBytes(statement));
}

export function hashStatement(statement: Statement): Blake3Hex {
  return hashBlake3Hex(toCanonicalBytes(statement));
}

/** Unpadded base64url. Without this check, arbitrary text would reach the database and the ledger. */
const buildBase64urlSchema = (max: number) =>
  z
    .string()
    .max(max, `At most ${max} characters.`)
    .regex(/^[A-Za-z0-9_-]+$/, "Write base64url without padding (RFC 4648 §5).");

/**
 * A WebAuthn assertion as browsers serialise it (WebAuthn Level 3 §5.1, AuthenticationResponseJSON). Extension results are unsigned and
 * affect no decision, so they are dropped.
 */
export const assertionSchema = z.object({
  id: buildBase64urlSchema(1024),
  rawId: buildBase64urlSchema(1024),
  type: z.literal("public-key"),
  response: z.object({
    clientDataJSON: buildBase64urlSchema(8192),
    authenticatorData: buildBase64urlSchema(8192),
    signature: buildBase64urlSchema(8192),
    userHandle: buildBase64urlSchema(1024).optional(),
  }),
  clientExtensionResults: z.object({}).default({}),
  authenticatorAttachment: z
    .string()
    .regex(/^[a-z-]{1,64}$/)
    .optional(),
});
export type Assertion = z.infer<typeof assertionSchema>;

/** A statement with its proof: the signature of the api that authenticated the person, and the person's step-up, if any. */
export const signedStatementSchema = z.strictObject({
  statement: statementSchema,
  attestor: z.strictObject({ kid: z.string().min(1).max(64), sig: z.string().min(1).max(200) }),
  assertion: assertionSchema.optional(),
});
export type SignedStatement = z.infer<typeof signedStatementSchema>;
