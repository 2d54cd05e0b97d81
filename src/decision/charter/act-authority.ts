import { isCharterJob, type Job, toCharterChange } from "../../domain/act/job.js";
import { hashPlan, NO_COMMITS, type Plan, type PlannedChange } from "../../domain/act/plan.js";
import { hashCanonical } from "../../domain/bytes/canonical.js";
import type { CharterChange, CharterJobType } from "../../domain/charter/change.js";
import type { ActEntryAuthority } from "../../domain/charter/entry.js";
import { denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { NO_PROJECT, type Target } from "../../domain/ids.js";
import type { Level } from "../../domain/level.js";
import { decideCardAct, type Rules } from "../decide-act.js";
import { checkCardSignature, computeAuthorityActId, getRound, judgeAuthority } from "../judge-authority.js";

/** Builds the plan of an act that changes a charter, from the charter alone. It moves no ref. */
export function buildChangePlan(
  { tenant_id, target, job }: { readonly tenant_id: string; readonly target: Target; readonly job: Job<CharterJobType> },
  policyHash: string,
  charter: PlannedChange,
): Plan {
  return {
    basis: {
      tenant_id,
      project_id: NO_PROJECT,
      job_type: job.jobType,
      target,
      params: job.params,
      refs: [],
      creates: [],
      policy_hash: policyHash,
      infra: "none",
      charter,
    },
    ...NO_COMMITS,
  };
}

/**
 * Checks that the authority of an entry is an act about this change, approved by the policy and the persons of the entry before. Returns the
 * act's id and level. Pure. Denials: those of `decideCardAct` and `judgeAuthority`, `charter_invalid`.
 */
export async function judgeEntryAuthority(
  rules: Rules,
  { tenant_id, change }: { readonly tenant_id: string; readonly change: CharterChange },
  authority: ActEntryAuthority,
  planned: PlannedChange,
): Promise<Outcome<{ readonly jti: string; readonly level: Level }>> {
  const { card, used_at_ms } = authority;
  if (!isCharterJob(card) || card.tenant_id !== tenant_id || hashCanonical(toCharterChange(card)) !== hashCanonical(change))
    return denyWith("charter_invalid", `The card ${card.card_id} is about another change.`);
  if (used_at_ms < card.opened_at) return denyWith("charter_invalid", `The card ${card.card_id} was opened after its approval was used.`);
  const signed = checkCardSignature(rules, authority);
  if (!signed.ok) return signed;
  const plan = buildChangePlan({ tenant_id, target: card.target, job: card }, rules.charter.policy_hash, planned);
  const plan_digest = hashPlan(plan);
  const decided = decideCardAct(rules, card, { plan, plan_digest }, used_at_ms);
  if (!decided.ok) return wrapDenial(decided.denial);
  const round = { card, round: getRound(authority), planned: { plan, plan_digest }, decided: decided.value, pushers: NO_PUSHERS };
  const judged = await judgeAuthority(rules, round, authority, { at_ms: used_at_ms, used_at_ms });
  if (!judged.ok) return judged;
  if (judged.value.statements.length !== authority.statements.length || judged.value.envelopes.length !== authority.attestations.length)
    return denyWith("charter_invalid", "The authority has statements or attestations that do not count.");
  return grantValue({ jti: computeAuthorityActId(authority, plan_digest), level: decided.value.level });
}

/** A change of the charter brings no commits. */
const NO_PUSHERS = { person_ids: [], exact: true };
