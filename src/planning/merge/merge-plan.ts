import type { MergeProtectedParams } from "../../domain/act/job.js";
import { PLAN_COMMITS_MAX, type Plan } from "../../domain/act/plan.js";
import { grantValue, type Outcome } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toBranchRef } from "../../domain/git/ref-name.js";
import { computeDiffstat, type History, readHistory } from "../../repository/history/history.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { listPushedBefore } from "../introduced-commits.js";
import type { JobContext, PlanInput } from "../job.js";
import type { MergeChange } from "./merge-change.js";
import { buildMergeText, buildSquashText } from "./merge-message.js";

/** Where `HEAD` of every repository points. Source: contracts "Jobs of the ADR". */
const HEAD = toBranchRef("main");

/** What a person reads to decide about a merge. */
export async function buildMergePlan(
  context: JobContext,
  repository: OpenRepository,
  input: PlanInput<MergeProtectedParams>,
  change: MergeChange,
): Promise<Outcome<Plan>> {
  const { params } = input;
  const { expected_source, expected_target } = params;
  const next = change.kind === "move" ? expected_source : change.tree;
  const [stat, history] = await Promise.all([
    computeDiffstat(repository, expected_target, next, context.limits.diffstatMaxMs, context.signal),
    readMergedHistory(context, repository, params),
  ]);
  if (!stat.ok) return stat;
  return grantValue({
    basis: {
      tenant_id: context.tenant_id,
      project_id: params.project_id,
      job_type: "git.registry.merge_protected",
      target: input.target,
      params,
      refs: [{ name: toBranchRef(params.target), old: expected_target, new: change.kind === "move" ? expected_source : null }],
      creates: change.kind === "move" ? [] : [buildCreatedCommit(params, history, change)],
      policy_hash: input.policy_hash,
      infra: input.infra,
    },
    // However it is merged, the target keeps every commit that it has.
    fast_forward: expected_target === ZERO_ID ? null : true,
    commit_count: history.count,
    commits: [...history.commits],
    author_emails: [...history.author_emails],
    pushed_before: await listPushedBefore(repository, history.ids),
    diffstat: stat.value,
  });
}

function buildCreatedCommit(
  params: MergeProtectedParams,
  history: History,
  { tree, parents }: Extract<MergeChange, { kind: "commit" }>,
): Plan["basis"]["creates"][number] {
  const { author, template } = params.strategy === "squash" ? buildSquashText(params, history) : buildMergeText(params);
  return { kind: "merge", tree, parents: [...parents], author: `${author.name} <${author.email}>`, message: template };
}

/**
 * The commits that the target gains: their authors and pushers do not approve the merge themselves. A target that is created gains
 * what neither `main` nor a release has: that has been approved before, or a release branch could never be made of it.
 */
export function readMergedHistory(context: JobContext, repository: OpenRepository, params: MergeProtectedParams): Promise<History> {
  const { expected_source, expected_target } = params;
  const known = repository.state.refs.has(HEAD) ? [HEAD, "--tags"] : ["--tags"];
  const range = expected_target === ZERO_ID ? [expected_source, "--not", ...known] : [expected_source, `^${expected_target}`];
  return readHistory(repository, range, PLAN_COMMITS_MAX, context.signal);
}
