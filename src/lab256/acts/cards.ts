import { buildChangePlan } from "../../decision/charter/act-authority.js";
import { describeCompletion } from "../../decision/completable.js";
import { type ActDecision, type DecidedAct, decideAct, decideCardAct, excludesMakers, type Rules } from "../../decision/decide-act.js";
import type { CardRound } from "../../decision/judge-statement.js";
import { hashInfra, type Infra } from "../../domain/act/infra-context.js";
import { hashSubject, isCharterJob, toCharterChange } from "../../domain/act/job.js";
import { hashPlan } from "../../domain/act/plan.js";
import type { Card } from "../../domain/card/card.js";
import { listMissingRequirements } from "../../domain/card/requirement.js";
import { denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { type DecidePlanInput, type Lab256Activities, OUTDATES_PLAN, type PlanDecision } from "../../domain/flow/lab256-steps.js";
import type { PlannedAct } from "../../domain/flow/lab512-steps.js";
import type { NewEvent } from "../../domain/ledger/event.js";
import type { Result } from "../../domain/result.js";
import { appendEvents } from "../ledger/append.js";
import { type CardDetail, findCard } from "../ledger/queries/cards.js";
import { findJobOwner } from "../ledger/queries/job-owner.js";
import { findPushers } from "../ledger/queries/pushers.js";
import { buildCardClosed, denyConflict, toCardClosedKey } from "./card-closed.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { countClosedCard } from "./flow-metrics.js";
import { verifyCard, verifyCardOfFlow } from "./genuine-card.js";
import { checkRecordedPlan, denyOutdated, NEXT } from "./outdated-plans.js";
import { checkPlanAnswer } from "./plan-answer.js";

/**
 * Records a card that the api signed, if the flow is the card's own. Denies one that no plan can make right, so that nobody makes a Runner work
 * through an office that may not do the act.
 */
export async function openCard(
  deps: Lab256Dependencies,
  { card: candidate, workflow_id }: Parameters<Lab256Activities["openCard"]>[0],
): ReturnType<Lab256Activities["openCard"]> {
  const genuine = verifyCardOfFlow(deps, candidate, workflow_id);
  if (!genuine.ok) return { ...genuine, reasons: [] };
  const card = genuine.value;
  const { project_id } = card.params;
  const payload = { card, project_id, subject_hash: hashSubject(card.params), workflow_id };
  await appendEvents(deps.db, card.tenant_id, [{ type: "card.opened", key: `card.opened/${card.card_id}`, payload }], deps.now());
  const taken = await findJobOwner(deps.db, { ...card, job_id: card.jobId });
  if (taken !== undefined) return { ...denyConflict({ column: "job_id", job_id: card.jobId, ...taken }), reasons: [] };
  const refused = await findRefusal(deps, card);
  return refused ?? grantValue(null);
}

/** Asks the policy with what is known without a plan. What cannot be read now is left to the plan. */
async function findRefusal(deps: Lab256Dependencies, card: Card): Promise<PlanRefusal | undefined> {
  const { tenant_id } = card;
  const [charter, resolved] = await Promise.all([
    deps.policies.charters.readNewest(tenant_id),
    deps.infra.resolve(tenant_id, card.params.project_id),
  ]);
  if (!charter.ok || !resolved.ok) return undefined;
  const policy = await deps.policies.readPolicyByHash(tenant_id, charter.value.policy_hash);
  if (!policy.ok) return undefined;
  const decided = decideAct(
    { charter: charter.value, policy: policy.value },
    {
      act: card,
      actor_id: card.author.actor_id,
      hasCard: true,
      facts: { fast_forward: null, project_exists: null, changed_paths: null },
      infra: resolved.value.infra,
      at_ms: deps.now(),
    },
  );
  return decided.ok ? undefined : decided;
}

/** Records that what was approved and attested in a round no longer counts. Changes nothing if the ledger has that already. */
export async function voidApprovals(
  deps: Lab256Dependencies,
  { card, round, why }: Parameters<Lab256Activities["voidApprovals"]>[0],
): Promise<void> {
  if (!verifyCard(deps, card).ok) return;
  await appendEvents(deps.db, card.tenant_id, [], deps.now(), [], [{ card_id: card.card_id, round, why }]);
}

/** Checks whether the plan of a card is still the one that the act would have now. */
export async function checkPlan(
  deps: Lab256Dependencies,
  { card, planned }: Parameters<Lab256Activities["checkPlan"]>[0],
): Promise<Outcome<null>> {
  const genuine = verifyCard(deps, card);
  if (!genuine.ok) return genuine;
  const recorded = await findCard(deps.db, genuine.value);
  return recorded?.plan_digest === planned.plan_digest
    ? checkPlanCurrent(deps, recorded, planned)
    : denyOutdated("The plan is not recorded.");
}

/**
 * Denies if the present plan of a card is known to have changed: by the ledger, the charter or the infra registry. Reads no repository. A
 * registry that cannot be read denies nothing here; no permit is issued by it.
 */
export async function checkPlanCurrent(deps: PlanSources, recorded: CardDetail, planned: PlannedAct): Promise<Outcome<null>> {
  const stands = await checkRecordedPlan(deps, recorded);
  if (!stands.ok) return stands;
  const charter = await deps.policies.charters.readNewest(recorded.tenant_id);
  const current = charter.ok ? await checkBasisCurrent(deps, charter.value.policy_hash, planned) : charter;
  if (!current.ok) return OUTDATES_PLAN.has(current.denial.code) ? current : grantValue(null);
  const change = await checkChangePlan(deps, recorded.card, planned);
  return change.ok || OUTDATES_PLAN.has(change.denial.code) ? change : denyOutdated(change.denial.message);
}

/** Records the end of a card. A flow that carries another flow's card has not opened it and closes nothing. */
export async function closeCard(
  deps: Lab256Dependencies,
  { card, workflow_id, end }: Parameters<Lab256Activities["closeCard"]>[0],
): Promise<void> {
  if (!verifyCardOfFlow(deps, card, workflow_id).ok) return;
  const { card_id, tenant_id } = card;
  const outcome = await appendEvents(deps.db, tenant_id, [buildCardClosed(card_id, end)], deps.now());
  countClosedCard(deps, outcome, card, end);
}

/** The maximum number of plans of a card. Source: contracts "Plan and statements". */
export const ROUNDS_MAX = 50;

/** Asks the policy about a plan and records its decision; a denial closes the card. */
export async function decidePlan(deps: Lab256Dependencies, input: DecidePlanInput): Promise<PlanDecision> {
  const { card, round } = input;
  const genuine = verifyCard(deps, card);
  if (!genuine.ok) return { reasons: [], ...genuine };
  if (round > ROUNDS_MAX)
    return { reasons: [], ...denyWith("limit_exceeded", `The plan of the card has changed ${ROUNDS_MAX} times. Open a new card.`) };
  const decision = await decideCurrentPlan(deps, card, input.planned);
  if (!decision.ok) return decision;
  const { planned, decided, rules } = decision.value;
  const { level, requires, permit_ttl_ms, max_run_ms } = decided;
  const missing = listMissingRequirements(requires, planned.plan_digest, [], []);
  const now = deps.now();
  const reasons = [...decided.reasons, ...describeCompletion(rules, await toDecidedRound(deps, decision.value, round), now)];
  // A new plan does not extend a card's time.
  const decide_by = (await findCard(deps.db, card))?.decide_by ?? now + decided.decide_within_ms;
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
  const event: NewEvent = { type: "card.planned", key: `card.planned/${card.card_id}/${round}`, payload };
  const outcome = await appendEvents(deps.db, card.tenant_id, [event], now, [toCardClosedKey(card.card_id)]);
  if (!outcome.ok) return { reasons: [], ...denyConflict(outcome.conflict) };
  return { ok: true, value: { level, reasons, requires, missing, decide_by, permit_ttl_ms, max_run_ms } };
}

/** What the rules say about a card's plan. */
interface DecidedPlanOfCard {
  readonly card: Card;
  readonly planned: PlannedAct;
  readonly decided: DecidedAct;
  readonly rules: Rules;
}

/** A denial with the policy's reasons, if it is the policy's. */
type PlanRefusal = Extract<ActDecision, { ok: false }>;

/** Checks a plan, and reads the policy that it names and the charter of now. */
async function readPlanRules(
  deps: Pick<Lab256Dependencies, "policies">,
  card: Card,
  answer: PlannedAct,
): Promise<Outcome<Omit<DecidedPlanOfCard, "decided">>> {
  const checked = checkPlanAnswer(card, answer);
  if (!checked.ok) return checked;
  const rules = await deps.policies.readRules(card.tenant_id, checked.value.plan.basis.policy_hash);
  return rules.ok ? grantValue({ card, planned: checked.value, rules: rules.value }) : rules;
}

/** Decides about a plan whose policy and infra context are still those of now. */
export async function decideCurrentPlan(
  deps: Lab256Dependencies,
  card: Card,
  answer: PlannedAct,
): Promise<Result<DecidedPlanOfCard, PlanRefusal>> {
  const read = await readPlanRules(deps, card, answer);
  if (!read.ok) return { ...read, reasons: [] };
  const { planned, rules } = read.value;
  const current = await checkBasisCurrent(deps, rules.charter.policy_hash, planned);
  if (!current.ok) return { ...current, reasons: [] };
  const genuine = await checkChangePlan(deps, card, planned);
  if (!genuine.ok) return { ...genuine, reasons: [] };
  const decided = decideCardAct(rules, card, planned, deps.now());
  return decided.ok ? grantValue({ ...read.value, decided: decided.value }) : decided;
}

/** What tells whether a plan is current. */
export type PlanSources = Pick<Lab256Dependencies, "db" | "infra" | "policies">;

/** What a card's plan, and messages about it, are judged by. */
export type DecisionSources = PlanSources & Pick<Lab256Dependencies, "now">;

/** Checks that a plan's policy and infra context are those of now. Denials: `policy_not_current`, `infra_changed`, `infra_unavailable`. */
async function checkBasisCurrent(deps: PlanSources, policyHash: string, planned: PlannedAct): Promise<Outcome<Infra>> {
  const { policy_hash } = planned.plan.basis;
  if (policyHash === policy_hash) return checkInfraUnchanged(deps, planned);
  return denyWith("policy_not_current", `The plan was made under policy ${policy_hash}, but ${policyHash} is active now. ${NEXT}`);
}

/** A round of a card with the rules by which it is judged. */
export interface DecidedCard extends CardRound {
  readonly rules: Rules;
}

/** Finds out who pushed the commits of a decided plan, about which a round's statements are judged. */
export async function toDecidedRound(deps: Pick<Lab256Dependencies, "db">, plan: DecidedPlanOfCard, round: number): Promise<DecidedCard> {
  const { card, planned, decided } = plan;
  const { pushed_before, basis } = planned.plan;
  const commits = excludesMakers(card, decided.level) ? pushed_before : [];
  const pushers = await findPushers(deps.db, { tenant_id: card.tenant_id, project_id: basis.project_id, commits });
  return { ...plan, round, pushers };
}

/**
 * Decides about the plan of a round by the policy that the plan names, whether or not it is still current. Anyone who can complete the tasks of
 * a flow can forge what it says of them.
 */
export async function decidePlannedAct(
  deps: DecisionSources,
  card: Card,
  { planned, round }: { readonly planned: PlannedAct; readonly round: number },
): Promise<Outcome<DecidedCard>> {
  const read = await readPlanRules(deps, card, planned);
  if (!read.ok) return read;
  const genuine = await checkChangePlan(deps, card, read.value.planned);
  if (!genuine.ok) return genuine;
  const decided = decideCardAct(read.value.rules, card, read.value.planned, deps.now());
  if (!decided.ok) return wrapDenial(decided.denial);
  return grantValue(await toDecidedRound(deps, { ...read.value, decided: decided.value }, round));
}

/** Plans a change of the charter again, because its level rests on the plan. LAB 256 does not rely on the Runner's reading. */
async function checkChangePlan({ policies }: PlanSources, card: Card, { plan_digest }: PlannedAct): Promise<Outcome<null>> {
  if (!isCharterJob(card)) return grantValue(null);
  const { tenant_id, target } = card;
  const next = await policies.charters.planNext(tenant_id, toCharterChange(card));
  if (!next.ok) return next;
  const now = hashPlan(buildChangePlan({ tenant_id, target, job: card }, next.value.charter.policy_hash, next.value.planned));
  if (now === plan_digest) return grantValue(null);
  return denyWith("plan_changed", `The plan ${plan_digest} is not that of the charter as it is now, which is ${now}. ${NEXT}`);
}

/** Returns the plan's infra context if the registry still has the same one. LAB 256 does not rely on the Runner's reading. */
async function checkInfraUnchanged(deps: PlanSources, { plan }: PlannedAct): Promise<Outcome<Infra>> {
  const { tenant_id, project_id, infra: planned } = plan.basis;
  const now = await deps.infra.resolve(tenant_id, project_id);
  if (!now.ok) return now;
  if (hashInfra(now.value.infra) === hashInfra(planned)) return grantValue(planned);
  return denyWith("infra_changed", `The infra context of ${tenant_id}/${project_id} has changed since the plan was made. ${NEXT}`);
}
