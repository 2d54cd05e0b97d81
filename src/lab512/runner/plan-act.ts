import { buildChangePlan } from "../../decision/charter/act-authority.js";
import { listGitKeys } from "../../decision/charter/git-keys.js";
import { isCharterJob, type Job, toCharterChange } from "../../domain/act/job.js";
import { hashPlan, type Plan } from "../../domain/act/plan.js";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { Target } from "../../domain/ids.js";
import type { PlanningContext } from "../../planning/context.js";
import { planJob } from "../../planning/plan-job.js";
import type { ObjectStore } from "../../storage/ports.js";
import { scopeToTenant } from "../../storage/scoped.js";
import { checkAllowed, readPolicyHash } from "./checks.js";
import type { RunnerDependencies } from "./dependencies.js";

/** A plan is sent through Temporal, whose payloads are limited to 2 MiB. */
const PLAN_MAX_BYTES = 1024 * 1024;

interface PlanRequest {
  readonly tenant_id: string;
  readonly target: Target;
  readonly job: Job;
}

/** Plans an act under the charter's policy. Needs no permit and writes nothing. */
export async function planAct(deps: RunnerDependencies, request: PlanRequest): Promise<Outcome<{ plan: Plan; plan_digest: string }>> {
  const { tenant_id, job } = request;
  const { jobType, params } = job;
  const store = scopeToTenant(deps.store, tenant_id);
  const [allowance, policyHash, resolved] = await Promise.all([
    deps.allowances.read(tenant_id),
    readPolicyHash(deps, tenant_id),
    deps.infra.resolve(tenant_id, params.project_id),
  ]);
  if (!allowance.ok) return allowance;
  const allowed = checkAllowed(allowance.value, tenant_id, jobType);
  if (!allowed.ok) return allowed;
  if (!policyHash.ok) return policyHash;
  if (!resolved.ok) return resolved;
  const plan = await planOn(deps, store, request, { policy_hash: policyHash.value, infra: resolved.value.infra });
  if (!plan.ok) return plan;
  if (toCanonicalBytes(plan.value).byteLength > PLAN_MAX_BYTES)
    return denyWith("limit_exceeded", `The plan has more than ${PLAN_MAX_BYTES} bytes; push the history in several steps.`);
  return grantValue({ plan: plan.value, plan_digest: hashPlan(plan.value) });
}

/** Plans an act on a policy and an infra context. `store` is the tenant's view. */
export async function planOn(
  deps: RunnerDependencies,
  store: ObjectStore,
  { tenant_id, target, job }: PlanRequest,
  basis: Pick<Plan["basis"], "policy_hash" | "infra">,
): Promise<Outcome<Plan>> {
  if (!isCharterJob(job)) {
    const context = await buildPlanningContext(deps, store, tenant_id, job.params.project_id);
    return planJob(context, job.jobType, { params: job.params, target, ...basis });
  }
  const next = await deps.charters.planNext(tenant_id, toCharterChange(job));
  if (!next.ok) return next;
  const { charter, planned } = next.value;
  return grantValue(buildChangePlan({ tenant_id, target, job }, charter.policy_hash, planned));
}

/** Builds the context that a plan of a tenant's project reads from on this Runner. `store` is the tenant's view. */
export async function buildPlanningContext(
  deps: RunnerDependencies,
  store: ObjectStore,
  tenantId: string,
  projectId: string,
): Promise<Omit<PlanningContext, "signal">> {
  return {
    tenant_id: tenantId,
    store,
    repositories: await deps.getRepositories(tenantId),
    limits: deps.limits,
    readGitKeys: async () => {
      const charter = await deps.charters.readNewest(tenantId);
      if (!charter.ok) throw new Error(`${charter.denial.message} Without its charter no signature in ${tenantId} can be verified.`);
      return listGitKeys(charter.value);
    },
    keepsInfra: deps.infra.isKeptBy(tenantId, projectId),
  };
}
