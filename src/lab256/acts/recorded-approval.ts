import type { Card } from "../../domain/card/card.js";
import { listMissingRequirements } from "../../domain/card/requirement.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { Requirement } from "../../domain/policy/policy-contract.js";
import { findCard } from "../ledger/queries/cards.js";
import type { Lab256Dependencies } from "./dependencies.js";

/**
 * Checks against the ledger that this plan of the card has everything the policy requires. The flow has counted the same, but anyone who
 * can complete its tasks can forge its state; the ledger holds only verified statements.
 */
export async function checkRecordedApproval(
  deps: Lab256Dependencies,
  card: Card,
  planDigest: string,
  requires: readonly Requirement[],
): Promise<Outcome<null>> {
  const recorded = await findCard(deps.db, card);
  if (recorded === undefined || recorded.plan_digest !== planDigest)
    return denyWith("approval_missing", `The ledger does not have ${planDigest} as the current plan of ${card.card_id}.`);
  const approvals = recorded.statements.flatMap(({ counts, void_why, approval }) => (counts && void_why === null ? (approval ?? []) : []));
  const attestations = recorded.attestations.filter(({ void_why }) => void_why === null);
  const missing = listMissingRequirements(requires, planDigest, approvals, attestations);
  if (missing.length === 0) return grantValue(null);
  return denyWith("approval_missing", `The ledger lacks ${missing.map((one) => one.text).join(" and ")} for ${card.card_id}.`);
}
