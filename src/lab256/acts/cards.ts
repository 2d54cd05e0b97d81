import { buildActInput } from "../../decision/act-input.js";
import { hashInfra, type Infra } from "../../domain/act/infra-context.js";
import { hashSubject } from "../../domain/act/job.js";
import { listMissingRequirements } from "../../domain/card/requirement.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { DecidePlanInput, Lab256Activities, PlanDecision } from "../../domain/flow/lab256-steps.js";
import type { Decision } from "../../domain/policy/policy-contract.js";
import { findActor } from "../identity/actors.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { countClosedCard } from "./flow-metrics.js";
import { verifyCard, verifyCardOfFlow } from "./genuine-card.js";
import { recordActEvents } from "./ledger.js";
import { checkPlanAnswer } from "./plan-answer.js";

export function createCardActivities(
  deps: Lab256Dependencies,
): Pick<Lab256Activities, "openCard" | "decidePlan" | "voidApprovals" | "closeCard"> {
  return {
    async openCard({ card: candidate, workflow_id }) {
      const genuine = verifyCardOfFlow(deps, candidate, workflow_id);
      if (!genuine.ok) return genuine;
      const card = genuine.value;
      const { project_id } = card.params;
      const payload = { card, project_id, subject_hash: hashSubject(card.params), workflow_id };
      await recordActEvents(deps, card.tenant_id, [{ type: "card.opened", key: `card.opened/${card.card_id}`, payload }]);
      return grantValue(null);
    },
    decidePlan: (input) => decidePlan(deps, input),
    async voidApprovals({ card, round, plan_digest, why, approvals }) {
      if (!verifyCard(deps, card).ok) return;
      const payload = { card_id: card.card_id, plan_digest, why, approvals };
      const key = `card.approvals_voided/${card.card_id}/${round}`;
      await recordActEvents(deps, card.tenant_id, [{ type: "card.approvals_voided", key, payload }]);
    },
    async closeCard({ card, workflow_id, end }) {
      // What is not a card of this flow was never opened by it, so there is nothing to close.
      if (!verifyCardOfFlow(deps, card, workflow_id).ok) return;
      const payload = { card_id: card.card_id, status: end.status, denial: end.denial, reasons: end.reasons ?? [] };
      const outcome = await recordActEvents(deps, card.tenant_id, [{ type: "card.closed", key: `card.closed/${card.card_id}`, payload }]);
      countClosedCard(deps, outcome, card, end);
    },
  };
}

async function decidePlan(deps: Lab256Dependencies, input: DecidePlanInput): Promise<PlanDecision> {
  const { card, round } = input;
  const checked = checkPlanAnswer(card, input.planned);
  if (!checked.ok) return { reasons: [], ...checked };
  const planned = checked.value;
  const genuine = verifyCard(deps, card);
  if (!genuine.ok) return { reasons: [], ...genuine };
  const decision = await askPolicyAboutPlan(deps, input);
  if (!decision.ok) return { reasons: [], ...decision };
  const { level, reasons, requires, permit_ttl_ms, max_run_ms } = decision.value;
  const missing = listMissingRequirements(requires, planned.plan_digest, [], []);
  const now = deps.now();
  const decide_by = input.decide_by ?? now + decision.value.decide_within_ms;
  const payload = {
    card_id: card.card_id,
    round,
    plan: planned.plan,
    plan_digest: planned.plan_digest,
    level,
    reasons,
    requires,
    missing,
    decide_by,
    permit_ttl_ms,
  };
  await recordActEvents(deps, card.tenant_id, [{ type: "card.planned", key: `card.planned/${card.card_id}/${round}`, payload }], now);
  return { ok: true, value: { level, reasons, requires, missing, decide_by, permit_ttl_ms, max_run_ms } };
}

/** The policy's decision about a plan of a card, now. */
export async function askPolicyAboutPlan(
  deps: Lab256Dependencies,
  { card, planned }: Pick<DecidePlanInput, "card" | "planned">,
): Promise<Outcome<Extract<Decision, { allowed: true }>> | Extract<PlanDecision, { ok: false }>> {
  const { basis, fast_forward } = planned.plan;
  const policy = await deps.policies.readActivePolicy(card.tenant_id, "now");
  if (!policy.ok) return policy;
  if (policy.value.hash !== basis.policy_hash)
    return denyWith(
      "policy_not_current",
      `The plan was made under policy ${basis.policy_hash}; ${policy.value.hash} is published now. Open the card again.`,
    );
  const infra = await checkInfraUnchanged(deps, planned);
  if (!infra.ok) return infra;
  const author = await findActor(deps.db, card.tenant_id, card.author.actor_id);
  if (author === undefined || author.disabled)
    return denyWith("policy_denied", `${card.author.actor_id} is not an active actor of ${card.tenant_id}.`);
  const asker = {
    actor_id: author.actor_id,
    person_id: author.person_id,
    member_offices: author.offices.map((office) => office.office_id),
  };
  // A plan exists, so the repository was read: only a registration is planned for a project that does not exist.
  const known = { fast_forward, project_exists: card.jobType !== "git.registry.init" };
  const decision = policy.value.decide(buildActInput(asker, card, true, known, infra.value));
  if (decision.allowed) return grantValue(decision);
  return { ...denyWith("policy_denied", decision.reasons.map((reason) => reason.text).join(" ")), reasons: decision.reasons };
}

/** The plan's infra context, if the registry says the same now: what the Runner resolved is not believed but compared. */
async function checkInfraUnchanged(deps: Lab256Dependencies, { plan }: DecidePlanInput["planned"]): Promise<Outcome<Infra>> {
  const { tenant_id, project_id, infra: planned } = plan.basis;
  const now = await deps.infra.resolve(tenant_id, project_id);
  if (!now.ok) return now;
  if (hashInfra(now.value.infra) === hashInfra(planned)) return grantValue(planned);
  return denyWith("infra_changed", `The infra context of ${tenant_id}/${project_id} is another one than the plan's. Open the card again.`);
}
