import type { Card } from "../../domain/card/card.js";
import { listMissingRequirements } from "../../domain/card/requirement.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { Requirement } from "../../domain/policy/policy-contract.js";
import { findCard } from "../ledger/queries/cards.js";
import type { Lab256Dependencies } from "./dependencies.js";

/**
 * Whether the ledger itself says that this plan of the card has all that the policy requires. The flow has counted the same, but a flow's
 * memory is as good as whoever can answer its tasks; what verified statements were recorded is not.
 */
export async function checkRecordedApproval(
  deps: Lab256Dependencies,
  card: Card,
  planDigest: string,
  requires: readonly Requirement[],
): Promise<Outcome<null>> {
  const recorded = await findCard(deps.db, card);
  if (recorded === undefined || recorded.plan_digest !== planDigest)
    return denyWith("approval_missing", `The ledger does not know the plan ${planDigest} as the one that ${card.card_id} stands for.`);
  const approvals = recorded.statements.flatMap((said) => (said.counts && said.void_why === null ? (said.approval ?? []) : []));
  const attestations = recorded.attestations.filter((attested) => attested.void_why === null);
  const missing = listMissingRequirements(requires, planDigest, approvals, attestations);
  if (missing.length === 0) return grantValue(null);
  return denyWith("approval_missing", `The ledger lacks ${missing.map((one) => one.text).join(" and ")} for ${card.card_id}.`);
}
