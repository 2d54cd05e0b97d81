import { omitPatch, type PushParams } from "../../domain/act/job.js";
import { PLAN_COMMITS_MAX, type Plan } from "../../domain/act/plan.js";
import { grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { computeDiffstat, NO_DIFF, readHistory } from "../../repository/history/history.js";
import type { CreatedCommit } from "../../repository/incoming/ingested.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { checkInfraRegistry } from "../check-infra-registry.js";
import type { PlanInput, PlanningContext } from "../context.js";
import { runOnProject } from "../open-project.js";
import { listPushedBefore } from "../pushed-before.js";
import { checkPush, fetchPush, type PushChange, toNextTip } from "./push-change.js";

/** Denials: those of `ingestPush` and of the staged bytes, `project_unknown`, `ref_moved`, `ref_missing`, `ref_conflict`, `infra_invalid`. */
export function planPush(context: PlanningContext, input: PlanInput<PushParams>): Promise<Outcome<Plan>> {
  const { params } = input;
  return runOnProject(context, params.project_id, async (repository) => {
    const fetched = await fetchPush(context, repository, params);
    if (!fetched.ok) return fetched;
    // The plan has no id and no date that depends on the permit's `iat`, so any instant does.
    const change = await checkPush(context, repository, params, fetched.value, 0);
    if (!change.ok) return change;
    const { ref, old } = change.value;
    const invalid = await checkInfraRegistry(context, repository, [{ name: ref, old, new: toNextTip(change.value) }]);
    return invalid === undefined ? buildPushPlan(context, repository, input, change.value) : wrapDenial(invalid);
  });
}

async function buildPushPlan(
  context: PlanningContext,
  repository: OpenRepository,
  input: PlanInput<PushParams>,
  change: PushChange,
): Promise<Outcome<Plan>> {
  const created = change.kind === "update" ? change.push.created : [];
  const basis: Plan["basis"] = {
    tenant_id: context.tenant_id,
    project_id: input.params.project_id,
    job_type: "git.registry.push",
    target: input.target,
    params: omitPatch(input.params),
    refs: [{ name: change.ref, old: change.old, new: created.length > 0 ? null : toNextTip(change) }],
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
  const stat = await computeDiffstat(repository, change.old, tip, context.limits.diffstatMaxMs);
  if (!stat.ok) return stat;
  if (created.length > 0) {
    return grantValue({
      basis,
      fast_forward,
      commit_count: created.length,
      commits: toPlanCommits(created),
      author_emails: listAuthorEmails(created),
      // The registry makes these commits from the permit, so nobody has pushed them before.
      pushed_before: [],
      diffstat: stat.value,
    });
  }
  // On a new branch, commits of other branches are not new. On an existing branch every commit that it gains counts.
  const range = change.old === ZERO_ID ? [tip, "--not", "--branches", "--tags"] : [tip, `^${change.old}`];
  const history = await readHistory(repository, range, PLAN_COMMITS_MAX);
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

/** Without ids and the registry's own dates, which depend on the permit. */
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
