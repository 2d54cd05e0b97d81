import type { MergeProtectedParams, PinnedMergeParams } from "../../domain/act/job.js";
import { buildDenial, type Denial, denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toBranchRef } from "../../domain/git/ref-name.js";
import type { MergeSides } from "../../repository/merge/merge-conflicts.js";
import { denyUnrelatedHistories, listMergeBases, mergeTrees } from "../../repository/merge/merge-trees.js";
import { readCommitLinks } from "../../repository/objects/object-source.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { checkRefMoves } from "../../repository/refs/move-problem.js";
import type { PlanningContext } from "../context.js";

/** A checked merge that is not visible yet: the target moves to the source's tip, or to a new commit of `tree`. */
export type MergeChange =
  | { readonly kind: "move" }
  | { readonly kind: "commit"; readonly tree: string; readonly parents: readonly string[] };

/** Pins the target of a merge that leaves it open to where the repository has it. */
export function pinTarget({ state }: OpenRepository, params: MergeProtectedParams): PinnedMergeParams {
  const { target, expected_target = state.refs.get(toBranchRef(target))?.id ?? ZERO_ID } = params;
  return { ...params, expected_target };
}

/** Returns the reason why the branches are not where the merge expects them, or undefined. */
export function checkMergeRefs(
  { state, name }: OpenRepository,
  { source, target, expected_source, expected_target }: PinnedMergeParams,
): Denial | undefined {
  const from = state.refs.get(toBranchRef(source))?.id;
  if (from === undefined) return buildDenial("ref_missing", `${source} is not a branch of ${name.project_id}; push it first.`);
  const to = state.refs.get(toBranchRef(target))?.id ?? ZERO_ID;
  for (const [branch, now, expected] of [
    [source, from, expected_source],
    [target, to, expected_target],
  ] as const)
    if (now !== expected)
      return buildDenial("ref_moved", `${branch} has moved: it is ${formatTip(now)}, not ${formatTip(expected)}. Open a new card.`);
  return checkRefMoves(state.refs, [{ name: toBranchRef(target), old: expected_target, new: expected_source }]);
}

function formatTip(id: string): string {
  return id === ZERO_ID ? "absent" : id;
}

/** Merges the branches. Planning and execution both call this, so the approved merge is the one that runs. */
export async function computeMergeChange(
  context: PlanningContext,
  repository: OpenRepository,
  params: PinnedMergeParams,
): Promise<Outcome<MergeChange>> {
  const { source, target, expected_source, expected_target, strategy } = params;
  // A new target has nothing to merge with or squash onto.
  if (expected_target === ZERO_ID) return grantValue({ kind: "move" });
  const { limits } = context;
  const [bases, merged] = await Promise.all([
    listMergeBases(repository, expected_target, expected_source),
    strategy === "fast-forward" ? undefined : mergeTrees(repository, toMergeSides(params), limits),
  ]);
  if (bases.length === 0) return wrapDenial(denyUnrelatedHistories(toMergeSides(params)));
  if (bases.includes(expected_source)) return denyWith("nothing_to_do", `${target} already contains ${source}. There is nothing to merge.`);
  if (merged === undefined) {
    if (bases.includes(expected_target)) return grantValue({ kind: "move" });
    return denyWith("not_fast_forward", `${target} has commits that ${source} lacks. Rebase ${source}, or merge with another strategy.`);
  }
  if (!merged.ok) return merged;
  const tree = merged.value;
  if (strategy === "merge") return grantValue({ kind: "commit", tree, parents: [expected_target, expected_source] });
  if (tree === (await readCommitLinks(repository, expected_target)).tree)
    return denyWith("nothing_to_do", `${target} already has every change of ${source}. There is nothing to squash.`);
  return grantValue({ kind: "commit", tree, parents: [expected_target] });
}

function toMergeSides({ source, target, expected_source, expected_target }: PinnedMergeParams): MergeSides {
  return { target: { commit: expected_target, name: target }, source: { commit: expected_source, name: source } };
}
