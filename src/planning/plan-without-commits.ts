import type { JobParams } from "../domain/act/job.js";
import type { Plan } from "../domain/act/plan.js";
import { NO_DIFF } from "../repository/history/history.js";
import type { JobContext, PlanInput } from "./job.js";

/** The plan of an act that brings no commits, so that nobody wrote or pushed what it does. */
export function buildPlanWithoutCommits<P extends JobParams>(
  { tenant_id }: Pick<JobContext, "tenant_id">,
  { params, target, policy_hash, infra }: PlanInput<P>,
  act: Pick<Plan["basis"], "job_type" | "refs">,
): Plan {
  return {
    basis: { tenant_id, project_id: params.project_id, ...act, target, params, creates: [], policy_hash, infra },
    fast_forward: null,
    commit_count: 0,
    commits: [],
    author_emails: [],
    pushed_before: [],
    diffstat: NO_DIFF,
  };
}
