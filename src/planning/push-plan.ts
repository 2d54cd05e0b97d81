import { omitPatch, type PushParams } from "../domain/act/job.js";
import { PLAN_COMMITS_MAX, type Plan } from "../domain/act/plan.js";
import { grantValue, type Outcome } from "../domain/denial.js";
import { ZERO_ID } from "../domain/git/git-id.js";
import { computeDiffstat, NO_DIFF, readHistory } from "../repository/history/history.js";
import type { CreatedCommit } from "../repository/incoming/ingested.js";
import type { OpenRepository } from "../repository/open-repository.js";
import { listPushedBefore } from "./introduced-commits.js";
import type { JobContext, PlanInput } from "./job.js";
import type { PushChange } from "./push-change.js";

/** What a person reads to decide about a push. */
export async function buildPushPlan(
  context: JobContext,
  repository: OpenRepository,
  input: PlanInput<PushParams>,
  change: PushChange,
): Promise<Outcome<Plan>> {
  const created = change.kind === "update" ? change.push.created : [];
  const next = change.kind === "delete" ? ZERO_ID : created.length > 0 ? null : change.push.tip;
  const basis: Plan["basis"] = {
    tenant_id: context.tenant_id,
    project_id: input.params.project_id,
    job_type: "git.registry.push",
    target: input.target,
    params: omitPatch(input.params),
    refs: [{ name: change.ref, old: change.old, new: next }],
    creates: created.map(({ tree, author, author_email, message }) => ({
      kind: "commit",
      tree,
      author: `${author} <${author_email}>`,
      message,
    })),
    policy_hash: input.policy_hash,
    infra: input.infra,
  };
  if (change.kind === "delete")
    return grantValue({ basis, fast_forward: null, commit_count: 0, commits: [], author_emails: [], pushed_before: [], diffstat: NO_DIFF });
  const { tip, fast_forward } = change.push;
  const stat = await computeDiffstat(repository, change.old, tip, context.limits.diffstatMaxMs, context.signal);
  if (!stat.ok) return stat;
  if (created.length > 0) {
    return grantValue({
      basis,
      fast_forward,
      commit_count: created.length,
      commits: toPlanCommits(created),
      author_emails: listAuthorEmails(created),
      // What the registry itself will commit nobody has pushed; its ids come with the permit.
      pushed_before: [],
      diffstat: stat.value,
    });
  }
  // On a new branch the commits of other branches are not new; on an existing one everything that it gains counts.
  const range = change.old === ZERO_ID ? [tip, "--not", "--branches", "--tags"] : [tip, `^${change.old}`];
  const history = await readHistory(repository, range, PLAN_COMMITS_MAX, context.signal);
  return grantValue({
    basis,
    fast_forward,
    commit_count: history.count,
    commits: [...history.commits],
    author_emails: [...history.author_emails],
    pushed_before: await listPushedBefore(repository, history.ids),
    diffstat: stat.value,
  });
}

/** The ids and the registry's own dates come with the permit, so the plan shows none. */
function toPlanCommits(created: readonly CreatedCommit[]): Plan["commits"] {
  return created
    .toReversed()
    .slice(0, PLAN_COMMITS_MAX)
    .map((commit) => ({
      id: null,
      summary: commit.message.split("\n", 1)[0] ?? "",
      author: commit.author,
      author_email: commit.author_email,
      authored_at_ms: commit.authored_at_ms ?? 0,
    }));
}

function listAuthorEmails(created: readonly CreatedCommit[]): string[] {
  return [...new Set(created.map((commit) => commit.author_email))].sort();
}
