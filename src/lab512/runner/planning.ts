import type { Job } from "../../domain/act/job.js";
import { hashPlan, type Plan } from "../../domain/act/plan.js";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { Target } from "../../domain/ids.js";
import { GitFault } from "../../repository/git-fault.js";
import type { ObjectStore } from "../../storage/ports.js";
import { scopeToTenant } from "../../storage/scoped.js";
import { resolveJobHandler } from "../jobs/registry.js";
import { checkAllowed, readPublishedPolicy } from "./checks.js";
import type { RunnerDependencies } from "./dependencies.js";

/** A plan travels through Temporal, whose payloads end at 2 MiB. */
const PLAN_MAX_BYTES = 1024 * 1024;

interface PlanRequest {
  readonly tenant_id: string;
  readonly target: Target;
  readonly job: Job;
}

/** What the act would do now, under the published policy. Needs no permit and writes nothing. */
export async function planAct(deps: RunnerDependencies, request: PlanRequest): Promise<Outcome<{ plan: Plan; plan_digest: string }>> {
  const store = scopeToTenant(deps.store, request.tenant_id);
  const allowed = checkAllowed(deps, request.tenant_id, request.job.jobType);
  if (!allowed.ok) return allowed;
  const [published, resolved] = await Promise.all([
    readPublishedPolicy(deps, store, request.tenant_id),
    deps.infra.resolve(request.tenant_id, request.job.params.project_id),
  ]);
  if (!published.ok) return published;
  if (!resolved.ok) return resolved;
  const plan = await planJob(deps, store, request, { policy_hash: published.value, infra: resolved.value.infra });
  if (!plan.ok) return plan;
  if (toCanonicalBytes(plan.value).byteLength > PLAN_MAX_BYTES)
    return denyWith("limit_exceeded", `The plan has more than ${PLAN_MAX_BYTES} bytes; push the history in several steps.`);
  return grantValue({ plan: plan.value, plan_digest: hashPlan(plan.value) });
}

/**
 * The job's own plan; the same code decides later whether the approved plan is still the one that would run. What does not fit into
 * the time of a plan is denied: it would not fit the next time either, and each try takes a Runner's place.
 */
export async function planJob(
  deps: RunnerDependencies,
  store: ObjectStore,
  request: PlanRequest,
  under: Pick<Plan["basis"], "policy_hash" | "infra">,
): Promise<Outcome<Plan>> {
  const { planMaxMs } = deps.limits;
  const signal = AbortSignal.timeout(planMaxMs);
  const context = {
    tenant_id: request.tenant_id,
    store,
    repositories: deps.getRepositories(request.tenant_id),
    limits: deps.limits,
    keepsInfra: deps.infra.isKeptBy(request.tenant_id, request.job.params.project_id),
    isTakenOver: false,
    signal,
    log: () => undefined,
    keepLog: async () => undefined,
    completeStep: async () => undefined,
  };
  const { jobType, params } = request.job;
  try {
    return await resolveJobHandler(jobType).plan(context, { params, target: request.target, ...under });
  } catch (error) {
    const stopped = error === signal.reason || (error instanceof GitFault && error.code === "aborted");
    if (!signal.aborted || !stopped) throw error;
    return denyWith("limit_exceeded", `The plan was not made within ${planMaxMs} ms; do the work in several smaller steps.`);
  }
}
