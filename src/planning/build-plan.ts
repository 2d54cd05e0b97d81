import type { JobParams } from "../domain/act/job.js";
import { NO_COMMITS, type Plan } from "../domain/act/plan.js";
import { PLAN_PUSHED_MAX } from "../domain/git/pushed-commits.js";
import type { History } from "../repository/history/history.js";
import { findStoredIds } from "../repository/objects/find-stored-ids.js";
import type { OpenRepository } from "../repository/open-repository.js";
import type { PlanInput, PlanningContext } from "./context.js";

/** Builds the plan of an act that moves `refs`. Without `facts`, the act adds no commits. */
export function buildPlan<P extends JobParams>(
  { tenant_id }: PlanningContext,
  { params, target, policy_hash, infra }: PlanInput<P>,
  { job_type, refs, creates = [] }: Pick<Plan["basis"], "job_type" | "refs"> & Partial<Pick<Plan["basis"], "creates">>,
  facts: Partial<Omit<Plan, "basis">> = {},
): Plan {
  return {
    basis: { tenant_id, project_id: params.project_id, job_type, target, params, refs, creates, policy_hash, infra },
    ...NO_COMMITS,
    ...facts,
  };
}

/** Returns a plan's facts about the commits that the act adds. */
export async function describeCommits(repository: OpenRepository, { count, commits, author_emails, ids }: History) {
  const pushed_before = ids.length > PLAN_PUSHED_MAX ? null : [...(await findStoredIds(repository, ids))].sort();
  return { commit_count: count, commits: [...commits], author_emails: [...author_emails], pushed_before };
}
