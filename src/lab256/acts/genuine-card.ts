import { toCardWorkflowId } from "../../domain/act/workflow-id.js";
import { verifySignedObject } from "../../domain/bytes/signature.js";
import { type Card, cardSchema } from "../../domain/card/card.js";
import { denyWith, type Outcome } from "../../domain/denial.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import type { Lab256Dependencies } from "./dependencies.js";

/**
 * Returns the card that a flow carries if the api signed it for the actor that it authenticated. Anyone who reaches Temporal can start a
 * flow, so the flow is trusted neither for who proposed its card nor for which card it is.
 */
export function verifyCard(deps: Lab256Dependencies, candidate: unknown): Outcome<Card> {
  const parsed = parseWith(cardSchema, candidate);
  if (!parsed.ok) return denyWith("envelope_invalid", `The card is malformed: ${formatProblems(parsed.problems)}`);
  const verdict = verifySignedObject("card", parsed.value, deps.statementKeys);
  if (verdict !== "valid") return denyWith("envelope_invalid", `The card is not signed by this registry's api (${verdict}).`);
  return parsed;
}

/** Like {@link verifyCard}, and checks that the flow is the card's own. */
export function verifyCardOfFlow(deps: Lab256Dependencies, candidate: unknown, workflowId: string): Outcome<Card> {
  const card = verifyCard(deps, candidate);
  if (!card.ok) return card;
  const own = toCardWorkflowId(card.value.tenant_id, card.value.card_id);
  return own === workflowId
    ? card
    : denyWith("envelope_invalid", `The card ${card.value.card_id} is carried by ${own}, not by ${workflowId}.`);
}
