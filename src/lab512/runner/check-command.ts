import { decideCommand } from "../../decision/decide-command.js";
import type { DecisionEvidence } from "../../domain/act/act-record.js";
import type { ActMarks } from "../../domain/act/marks.js";
import { hashPlan } from "../../domain/act/plan.js";
import { authoritySchema } from "../../domain/card/authority.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { PlannedAct } from "../../domain/flow/lab512-steps.js";
import { checkBinding, checkSubject } from "../../domain/permit/binding.js";
import type { CommandEnvelope } from "../../domain/permit/envelope.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import type { ObjectStore } from "../../storage/ports.js";
import { readPushers } from "../pushers/pushers.js";
import { type ActAuthor, findAuthor } from "./answer.js";
import * as check from "./checks.js";
import type { RunnerDependencies } from "./dependencies.js";
import { planOn } from "./plan-act.js";

/** A command as it reached the Runner. `authority` is what an act with a card rests on; nothing of it is trusted. */
export interface Command {
  readonly envelope: CommandEnvelope;
  readonly authority: unknown;
}

export interface CheckedCommand {
  /** The revision of the infra registry that the act was checked against. */
  readonly infra_revision: string | null;
  readonly evidence: DecisionEvidence;
  readonly marks: ActMarks;
  readonly author: ActAuthor;
}

/**
 * Runs every check in the contract's order, and makes the Runner's own decision. An act that was claimed in time stays in time, so an attempt
 * that takes over does not check `exp`. Source: contracts "The Runner trusts nothing it did not check itself", "Decided twice".
 */
export async function checkCommand(
  deps: RunnerDependencies,
  store: ObjectStore,
  { envelope, authority }: Command,
  { checksExpiry }: { readonly checksExpiry: boolean },
): Promise<Outcome<CheckedCommand>> {
  const { tenant_id, jobType, params } = envelope;
  const [charter, allowance, resolved] = await Promise.all([
    deps.charters.readNewest(tenant_id),
    deps.allowances.read(tenant_id),
    deps.infra.resolve(tenant_id, params.project_id),
  ]);
  if (!charter.ok) return charter;
  const { policy_hash } = charter.value;
  const checks = [
    () => checkBinding(envelope, charter.value.listKeys("permit"), deps.target),
    () => (checksExpiry ? check.checkExpiry(envelope, deps.now()) : grantValue(null)),
    () => checkSubject(envelope),
    () => check.checkCharter(envelope, charter.value),
    () => (resolved.ok ? check.checkInfra(envelope, resolved.value.infra) : resolved),
    () => (allowance.ok ? check.checkAllowed(allowance.value, tenant_id, jobType) : allowance),
    () => check.checkGitKey(deps, envelope, charter.value),
  ];
  for (const runCheck of checks) {
    const checked = runCheck();
    if (!checked.ok) return checked;
  }
  if (!resolved.ok) return resolved;
  const { infra, revision } = resolved.value;
  const approval = check.checkApproval(envelope);
  if (!approval.ok) return approval;
  const planned =
    approval.value === null ? grantValue(null) : await replan(deps, store, envelope, { policy_hash, infra, ...approval.value });
  if (!planned.ok) return planned;
  const parsed = authority === null ? grantValue(null) : parseWith(authoritySchema, authority);
  if (!parsed.ok) return denyWith("envelope_invalid", `What the act rests on is malformed: ${formatProblems(parsed.problems)}`);
  const policy = await deps.policies.readPolicyByHash(tenant_id, policy_hash);
  if (!policy.ok) return policy;
  const decided = await decideCommand(envelope, parsed.value, {
    rules: { charter: charter.value, policy: policy.value },
    infra,
    planned: planned.value,
    now_ms: deps.now(),
    readPushers: (commits) => readPushers(deps, store, { tenant_id, project_id: params.project_id }, commits),
  });
  if (!decided.ok) return decided;
  return grantValue({
    infra_revision: revision,
    evidence: decided.value.evidence,
    marks: decided.value.marks,
    author: findAuthor(charter.value, deps.receiptKey, envelope),
  });
}

/** Plans the act again. The plan must still be the approved one. */
async function replan(
  deps: RunnerDependencies,
  store: ObjectStore,
  envelope: CommandEnvelope,
  { plan_digest, ...basis }: Pick<PlannedAct["plan"]["basis"], "policy_hash" | "infra"> & Pick<PlannedAct, "plan_digest">,
): Promise<Outcome<PlannedAct>> {
  const { tenant_id, target } = envelope;
  const plan = await planOn(deps, store, { tenant_id, target, job: envelope }, basis);
  if (!plan.ok) return plan;
  const now = hashPlan(plan.value);
  if (now === plan_digest) return grantValue({ plan: plan.value, plan_digest });
  return denyWith("plan_changed", `The approved plan is ${plan_digest}, but the current plan is ${now}.`);
}
