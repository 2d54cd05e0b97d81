import type { JobParams } from "../domain/act/job.js";
import type { Plan } from "../domain/act/plan.js";
import { NO_DIFF } from "../repository/history/history.js";
import type { PlanInput, PlanningContext } from "./context.js";

/** The plan of an act that adds no commits. Nobody is then excluded from approving it as an author or pusher. */
export function buildPlanWithoutCommits<P extends JobParams>(
  { tenant_id }: PlanningContext,
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
