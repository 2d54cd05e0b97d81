import { type Jwks, verifySignedObject } from "../../domain/bytes/signature.js";
import { type SignedStatement, signedStatementSchema } from "../../domain/card/statement.js";
import type { CommandEnvelope } from "../../domain/permit/envelope.js";
import { parseWith } from "../../domain/problems.js";

/** More than any card has. Anyone who can reach Temporal controls how many arrive. */
const STATEMENTS_MAX_COUNT = 1000;

/**
 * Returns the statements sent with a command that LAB 256 attested for its card and plan. Anyone who can schedule the command can add
 * others, which must not become a release's evidence. Source: contracts "The Runner trusts nothing".
 */
export function verifyAttestedStatements(lab256Keys: Jwks, { permit }: CommandEnvelope, candidates: unknown): SignedStatement[] {
  if (!Array.isArray(candidates)) return [];
  const { tenant_id, approval_ref, plan_digest } = permit.scopes;
  return candidates.slice(0, STATEMENTS_MAX_COUNT).flatMap((candidate) => {
    const parsed = parseWith(signedStatementSchema, candidate);
    if (!parsed.ok) return [];
    const { statement, attestor } = parsed.value;
    const isOfCard = statement.tenant_id === tenant_id && statement.card_id === approval_ref && statement.plan_digest === plan_digest;
    return isOfCard && verifySignedObject("statement", { ...statement, ...attestor }, lab256Keys) === "valid" ? [parsed.value] : [];
  });
}
