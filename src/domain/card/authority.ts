import { z } from "zod";
import { attestationEnvelopeSchema } from "./attestation.js";
import { cardSchema } from "./card.js";
import { signedStatementSchema } from "./statement.js";

/** More than any card has. Anyone who can reach Temporal controls how many arrive. */
const EVIDENCE_MAX_COUNT = 1000;

/**
 * What an act with a card rests on: the card, the approvals of its plan with their assertions, in the order in which they came to count, and
 * the attestations of that plan. Each party that relies on it verifies all of it. Source: contracts "Charter", "Decided twice".
 */
export const authoritySchema = z.strictObject({
  card: cardSchema,
  statements: z.array(signedStatementSchema).max(EVIDENCE_MAX_COUNT),
  attestations: z.array(attestationEnvelopeSchema).max(EVIDENCE_MAX_COUNT),
});
export type ActAuthority = z.infer<typeof authoritySchema>;
