import type { MergeProtectedParams } from "../../domain/act/job.js";
import { denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toBranchRef } from "../../domain/git/ref-name.js";
import type { MergeSides } from "../../repository/merge/merge-conflicts.js";
import { denyUnrelatedHistories, listMergeBases, mergeTrees } from "../../repository/merge/merge-trees.js";
import { parseCommitLinks } from "../../repository/objects/object-text.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { checkRefMoves } from "../../repository/refs/move-problem.js";
import type { JobContext } from "../job.js";

/** What a merge will do, worked out and checked, nothing visible yet: the target moves to the source's tip, or to a new commit of `tree`. */
export type MergeChange =
  | { readonly kind: "move" }
  | { readonly kind: "commit"; readonly tree: string; readonly parents: readonly string[] };

/** The same for plan and execute, so that what was approved is what runs. */
export async function prepareMerge(
  context: JobContext,
  repository: OpenRepository,
  params: MergeProtectedParams,
): Promise<Outcome<MergeChange>> {
  const refused = checkMergeRefs(repository, params);
  if (refused !== undefined) return refused;
  await context.completeStep("fetched");
  const change = await computeMergeChange(context, repository, params);
  if (change.ok) await context.completeStep("checked");
  return change;
}

/** Both branches stand where the plan says, and the source is a branch of this very project. */
function checkMergeRefs({ state, name }: OpenRepository, { source, target, expected_source, expected_target }: MergeProtectedParams) {
  const from = state.refs.get(toBranchRef(source))?.id;
  if (from === undefined) return denyWith("ref_missing", `${source} is no branch of ${name.project_id}; push it first.`);
  const to = state.refs.get(toBranchRef(target))?.id ?? ZERO_ID;
  for (const [branch, now, expected] of [
    [source, from, expected_source],
    [target, to, expected_target],
  ] as const)
    if (now !== expected)
      return denyWith("ref_moved", `${branch} has moved: it is ${formatTip(now)} and not ${formatTip(expected)}. Open a new card.`);
  const problem = checkRefMoves(state.refs, [{ name: toBranchRef(target), old: expected_target, new: expected_source }]);
  return problem === undefined ? undefined : wrapDenial(problem);
}

function formatTip(id: string): string {
  return id === ZERO_ID ? "absent" : id;
}

async function computeMergeChange(
  context: JobContext,
  repository: OpenRepository,
  params: MergeProtectedParams,
): Promise<Outcome<MergeChange>> {
  const { source, target, expected_source, expected_target, strategy } = params;
  // There is nothing to merge with, and nothing to squash onto.
  if (expected_target === ZERO_ID) return grantValue({ kind: "move" });
  const { limits, signal } = context;
  const [bases, merged] = await Promise.all([
    listMergeBases(repository, expected_target, expected_source, signal),
    strategy === "fast-forward" ? undefined : mergeTrees(repository, toMergeSides(params), limits, signal),
  ]);
  if (bases.length === 0) return wrapDenial(denyUnrelatedHistories(toMergeSides(params)));
  if (bases.includes(expected_source)) return denyWith("nothing_to_do", `${target} contains ${source} already. There is nothing to merge.`);
  if (merged === undefined) {
    if (bases.includes(expected_target)) return grantValue({ kind: "move" });
    return denyWith("not_fast_forward", `${target} has commits that ${source} lacks. Rebase ${source}, or merge with another strategy.`);
  }
  if (!merged.ok) return merged;
  const tree = merged.value;
  if (strategy === "merge") return grantValue({ kind: "commit", tree, parents: [expected_target, expected_source] });
  if (tree === (await readTreeId(repository, expected_target)))
    return denyWith("nothing_to_do", `${target} has every change of ${source} already. There is nothing to squash.`);
  return grantValue({ kind: "commit", tree, parents: [expected_target] });
}

function toMergeSides({ source, target, expected_source, expected_target }: MergeProtectedParams): MergeSides {
  return { target: { commit: expected_target, name: target }, source: { commit: expected_source, name: source } };
}

/** The tree of a commit that a ref names. */
async function readTreeId(repository: OpenRepository, commit: string): Promise<string> {
  const read = await repository.getReader().read(commit);
  if (read === undefined) throw new Error(`Commit ${commit} is a branch's and cannot be read. Delete the Runner's cache; then try again.`);
  return parseCommitLinks(read.bytes).tree;
}
