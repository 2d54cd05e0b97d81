import type { MergeProtectedParams, PinnedMergeParams } from "../../domain/act/job.js";
import { PLAN_COMMITS_MAX, type Plan } from "../../domain/act/plan.js";
import { grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toBranchRef } from "../../domain/git/ref-name.js";
import { compareTrees, type History, readHistory } from "../../repository/history/history.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { buildPlan, describeCommits } from "../build-plan.js";
import { checkInfraRegistry } from "../check-infra-registry.js";
import type { PlanInput, PlanningContext } from "../context.js";
import { addGainedPaths } from "../gained-paths.js";
import { runOnProject } from "../open-project.js";
import { checkMergeRefs, computeMergeChange, type MergeChange, pinTarget } from "./merge-change.js";
import { buildMergeText, buildSquashText, type MergeText } from "./merge-message.js";

/** The branch to which `HEAD` of every repository points. Source: contracts "Jobs of the ADR". */
const HEAD = toBranchRef("main");

/**
 * Denials: `project_unknown`, `ref_missing`, `ref_moved`, `ref_conflict`, `unrelated_histories`, `nothing_to_do`, `not_fast_forward`,
 * `merge_conflict`, `infra_invalid`, `limit_exceeded`.
 */
export function planMerge(context: PlanningContext, input: PlanInput<MergeProtectedParams>): Promise<Outcome<Plan>> {
  return runOnProject(context, input.params.project_id, async (repository) => {
    const params = pinTarget(repository, input.params);
    const misplaced = checkMergeRefs(repository, params);
    if (misplaced !== undefined) return wrapDenial(misplaced);
    const change = await computeMergeChange(context, repository, params);
    if (!change.ok) return change;
    const next = change.value.kind === "move" ? params.expected_source : change.value.tree;
    const invalid = await checkInfraRegistry(context, repository, [
      { name: toBranchRef(params.target), old: params.expected_target, new: next },
    ]);
    return invalid === undefined ? buildMergePlan(context, repository, input, params, change.value) : wrapDenial(invalid);
  });
}

async function buildMergePlan(
  context: PlanningContext,
  repository: OpenRepository,
  input: PlanInput<MergeProtectedParams>,
  params: PinnedMergeParams,
  change: MergeChange,
): Promise<Outcome<Plan>> {
  const { expected_source, expected_target } = params;
  const next = change.kind === "move" ? expected_source : change.tree;
  const [changes, history] = await Promise.all([
    compareTrees(repository, expected_target, next, context.limits.diffstatMaxMs),
    readMergedHistory(context, repository, params),
  ]);
  if (!changes.ok) return changes;
  const moves = { branch: params.target, old: expected_target, tip: expected_source };
  // A squash brings none of the source's commits, and one commit's changes are the merge's.
  const bringsCommits = params.strategy !== "squash" && history.count > 1;
  const { changed_paths: differing } = changes.value;
  const changed_paths = bringsCommits ? await addGainedPaths(context, repository, moves, differing) : grantValue(differing);
  if (!changed_paths.ok) return changed_paths;
  const act = {
    job_type: "git.registry.merge_protected" as const,
    refs: [{ name: toBranchRef(params.target), old: expected_target, new: change.kind === "move" ? expected_source : null }],
    creates: change.kind === "move" ? [] : [buildCreatedCommit(params, history, change)],
  };
  // With every strategy, the target keeps all its commits.
  const fast_forward = expected_target === ZERO_ID ? null : true;
  const facts = { fast_forward, ...changes.value, changed_paths: changed_paths.value, ...(await describeCommits(repository, history)) };
  return grantValue(buildPlan(context, input, act, facts));
}

function buildCreatedCommit(
  params: PinnedMergeParams,
  history: History,
  { tree, parents }: Extract<MergeChange, { kind: "commit" }>,
): Plan["basis"]["creates"][number] {
  const { author, template } = params.strategy === "squash" ? buildSquashText(params, history) : buildMergeText(params);
  return { kind: "merge", tree, parents: [...parents], author: `${author.name} <${author.email}>`, message: template };
}

/** Returns the author and message of the commit that a merge creates. */
export async function readMergeText(context: PlanningContext, repository: OpenRepository, params: PinnedMergeParams): Promise<MergeText> {
  if (params.strategy !== "squash") return buildMergeText(params);
  return buildSquashText(params, await readMergedHistory(context, repository, params));
}

/**
 * Reads the commits that the target gains, whose authors and pushers may not approve the merge. A new target gains the commits that are
 * neither in `main` nor in a release: all others have been approved before, so a release branch can be created from them.
 */
function readMergedHistory({ readGitKeys }: PlanningContext, repository: OpenRepository, params: PinnedMergeParams): Promise<History> {
  const { expected_source, expected_target } = params;
  const known = repository.state.refs.has(HEAD) ? [HEAD, "--tags"] : ["--tags"];
  const range = expected_target === ZERO_ID ? [expected_source, "--not", ...known] : [expected_source, `^${expected_target}`];
  return readHistory(repository, range, PLAN_COMMITS_MAX, readGitKeys);
}
