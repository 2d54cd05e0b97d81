import { type Approval, listMissingRequirements } from "../../domain/card/requirement.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { findCard } from "../ledger/queries/cards.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { type DecidedCard, judgeStatement, toApproval } from "./statements.js";

/**
 * Checks against the ledger that this plan of the card has everything the policy requires, by the members and passkeys of now. The flow has
 * counted the same, but anyone who can complete its tasks can forge its state, and an approver may have been disabled since. Returns when the
 * ledger got the last approval or attestation, in milliseconds since 1970, or null if the plan needs none.
 */
export async function checkRecordedApproval(deps: Lab256Dependencies, about: DecidedCard): Promise<Outcome<number | null>> {
  const { card, planned, decided } = about;
  const { plan_digest } = planned;
  const recorded = await findCard(deps.db, card);
  if (recorded === undefined || recorded.plan_digest !== plan_digest)
    return denyWith("approval_missing", `The ledger does not have ${plan_digest} as the current plan of ${card.card_id}.`);
  const approvals: Approval[] = [];
  const refused: string[] = [];
  for (const { counts, void_why, approval, signed, at_ms } of recorded.statements) {
    if (!counts || void_why !== null || approval === null) continue;
    const judged = await judgeStatement(deps, about, signed, at_ms);
    if (judged.ok && judged.value.admission.counts) approvals.push(toApproval(judged.value.verified, at_ms));
    else refused.push(judged.ok ? judged.value.admission.reasons.map(({ text }) => text).join(" ") : judged.denial.message);
  }
  const attestations = recorded.attestations.filter(({ void_why }) => void_why === null);
  const missing = listMissingRequirements(decided.requires, plan_digest, approvals, attestations);
  const times = [...approvals, ...attestations].map((evidence) => evidence.at_ms);
  if (missing.length === 0) return grantValue(times.length === 0 ? null : Math.max(...times));
  const why = [`The ledger lacks ${missing.map((one) => one.text).join(" and ")} for ${card.card_id}.`, ...refused];
  return denyWith("approval_missing", why.join(" "));
}
