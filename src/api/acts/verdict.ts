import { z } from "zod";
import type { Denial, Outcome } from "../../domain/denial.js";
import { OUTDATES_PLAN } from "../../domain/flow/lab256-steps.js";
import { type CardDetail, findCard } from "../../lab256/ledger/queries/cards.js";
import type { MessageVerdict } from "../../workflows/messages.js";
import type { ApiDependencies } from "../dependencies.js";
import { buildDenialProblem, buildProblem } from "../http/problem.js";
import { type Answer, answerOk } from "../http/route.js";
import { toCardDetailView } from "./card-view.js";

/** The answer to an accepted message to a card's flow. */
export const verdictSchema = z.object({ accepted: z.literal(true), denial: z.null(), state: z.record(z.string(), z.unknown()) });

/** Answers with the flow's verdict on a message about `card`; a refusal is a problem with its code. */
export async function answerVerdict(deps: ApiDependencies, card: CardDetail, verdict: Outcome<MessageVerdict>): Promise<Answer> {
  if (!verdict.ok) {
    if (verdict.denial.code !== "closed") return buildDenialProblem(verdict.denial);
    return refuseClosedCard(deps, (await findCard(deps.db, card)) ?? card);
  }
  const { accepted, denial, state } = verdict.value;
  return denial === null ? answerOk({ accepted, denial, state }) : buildDenialProblem(denial, { members: { accepted, state } });
}

/**
 * Refuses a message before it reaches the card's flow, which would refuse it too but can take only so many. A card whose plan has changed
 * gets a new one.
 */
export async function refuseMessage(deps: ApiDependencies, card: CardDetail, denial: Denial): Promise<Answer> {
  if (OUTDATES_PLAN.has(denial.code)) await deps.looks.checkForDecision(card);
  return buildDenialProblem(denial, { members: { accepted: false, state: toCardDetailView(card, deps.urls) } });
}

/** Returns whether a card's flow takes messages about its plan. */
export function isOpenForDecisions({ status }: CardDetail): boolean {
  return status === "planning" || status === "awaiting_approval";
}

/** Refuses a decision about a closed card and shows the card's recorded state. */
export function refuseClosedCard(deps: ApiDependencies, card: CardDetail): Answer {
  return buildProblem("closed", `The card is ${card.status.replaceAll("_", " ")} and open for no decision.`, {
    members: { state: toCardDetailView(card, deps.urls) },
  });
}
