import { hashPlan } from "../../domain/act/plan.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { checkSubject } from "../../domain/permit/binding.js";
import type { CommandEnvelope } from "../../domain/permit/envelope.js";
import { planJob } from "../../planning/plan-job.js";
import type { ObjectStore } from "../../storage/ports.js";
import * as check from "./checks.js";
import type { RunnerDependencies } from "./dependencies.js";
import { buildPlanningContext } from "./plan-act.js";

/**
 * Runs, in the contract's order and after `checkBinding`, every check but `exp` whose result can change with time. Returns the revision of
 * the infra registry that the act was checked against. Source: contracts "The Runner trusts nothing it did not check itself".
 */
export async function checkCommand(
  deps: RunnerDependencies,
  store: ObjectStore,
  envelope: CommandEnvelope,
): Promise<Outcome<{ infra_revision: string | null }>> {
  const { tenant_id, target, jobType, params } = envelope;
  const subject = checkSubject(envelope);
  if (!subject.ok) return subject;
  const [policyHash, resolved] = await Promise.all([
    check.readPolicyHash(deps, tenant_id),
    deps.infra.resolve(tenant_id, params.project_id),
  ]);
  if (!policyHash.ok) return policyHash;
  const policy = check.checkPolicy(envelope, policyHash.value);
  if (!policy.ok) return policy;
  if (!resolved.ok) return resolved;
  const { infra, revision } = resolved.value;
  const sameInfra = check.checkInfra(envelope, infra);
  if (!sameInfra.ok) return sameInfra;
  const allowed = check.checkAllowed(deps, tenant_id, jobType);
  if (!allowed.ok) return allowed;
  const approval = check.checkApproval(envelope);
  if (!approval.ok) return approval;
  const checked = grantValue({ infra_revision: revision });
  if (approval.value === null) return checked;
  const context = buildPlanningContext(deps, store, tenant_id, params.project_id);
  const plan = await planJob(context, jobType, { params, target, policy_hash: policyHash.value, infra });
  if (!plan.ok) return plan;
  const now = hashPlan(plan.value);
  if (now === approval.value.plan_digest) return checked;
  return denyWith("plan_changed", `The approved plan is ${approval.value.plan_digest}, but the current plan is ${now}.`);
}
