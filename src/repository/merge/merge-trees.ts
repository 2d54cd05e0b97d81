import { buildDenial, type Denial, denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { CONFLICTS_SHOWN_MAX, type MergeConflict } from "../../domain/git/merge-conflict.js";
import { buildAllocationLimitEnv, type IncomingLimits } from "../incoming/incoming-limits.js";
import type { OpenRepository } from "../open-repository.js";
import { type GitCall, toGitFault } from "../stock-git/stock-git.js";
import { denyCrash, runWithinLimits } from "../within-limits.js";
import { writeAttributesFolder } from "./merge-attributes.js";
import { describeConflicts, type MergeSides, parseMergeTree } from "./merge-conflicts.js";

/** The number of paths in the message. The conflicts that come with it have more. */
const PATHS_IN_MESSAGE_MAX = 5;

/**
 * Merges two commits in the scratch repository as `git merge` would in a clean checkout of the target: a three-way merge over all merge
 * bases that follows renames and uses the target's `.gitattributes`; those of the source apply only once they are merged. Returns the
 * resulting tree. Uses no ref and no index. Denials: `merge_conflict` with every conflict, `unrelated_histories`, `limit_exceeded`.
 */
export async function mergeTrees(repository: OpenRepository, sides: MergeSides, limits: IncomingLimits): Promise<Outcome<string>> {
  const { target, source } = sides;
  const call = {
    args: ["merge-tree", "--write-tree", "-z", target.commit, source.commit],
    env: buildAllocationLimitEnv(limits),
  };
  const runMerge = (more: Partial<GitCall>) =>
    denyCrash(
      () =>
        runWithinLimits(
          repository.runGit({ ...call, ...more }),
          `The conflicts of ${source.name} with ${target.name} are more than can be listed. Merge ${target.name} into ${source.name} and resolve them.`,
        ),
      buildCrashDenial(sides),
    );
  // Most targets have no attributes, so the merge starts before they are listed.
  const [plain, folder] = await Promise.all([runMerge({}), writeAttributesFolder(repository, target.commit)]);
  if (!folder.ok) return folder;
  const worktree = folder.value;
  const ran = worktree === undefined ? plain : await runMerge({ cwd: worktree, env: { ...call.env, GIT_WORK_TREE: worktree } });
  if (!ran.ok) return ran;
  const { code, stdout, stderr } = ran.value;
  if (code > 1 && /attempting to allocate/.test(stderr))
    return denyWith("limit_exceeded", `The merge creates a file larger than ${limits.blobMaxBytes} bytes.`);
  if (code > 1 && /unrelated histories/.test(stderr)) return wrapDenial(denyUnrelatedHistories(sides));
  if (code > 1) throw toGitFault(call, ran.value);
  const answer = parseMergeTree(stdout);
  if (code === 0) return grantValue(answer.tree);
  return wrapDenial(denyConflicts(await describeConflicts(repository, answer, sides), answer.conflicts.length, sides));
}

export function denyUnrelatedHistories({ target, source }: MergeSides): Denial {
  return buildDenial(
    "unrelated_histories",
    `${source.name} and ${target.name} have no commit in common. Rebase ${source.name} onto ${target.name}.`,
  );
}

/** git fails an assertion on some files whose type changed on both sides. A person can merge them. */
function buildCrashDenial({ target, source }: MergeSides): Denial {
  const message = `git cannot merge ${source.name} and ${target.name} by itself: it crashes on files whose type or name changed on both sides. Merge ${target.name} into ${source.name} by hand, push, and open a new card.`;
  return { code: "merge_conflict", message, conflicts: [] };
}

function denyConflicts(conflicts: readonly MergeConflict[], count: number, { target, source }: MergeSides): Denial {
  const paths = [...new Set(conflicts.map(({ path }) => path))];
  const more = count > CONFLICTS_SHOWN_MAX || paths.length > PATHS_IN_MESSAGE_MAX ? " and more" : "";
  return {
    code: "merge_conflict",
    message:
      `${source.name} and ${target.name} changed the same places: ${paths.slice(0, PATHS_IN_MESSAGE_MAX).join(", ")}${more}. ` +
      `Merge ${target.name} into ${source.name}, resolve them, push, and open a new card.`,
    conflicts,
  };
}

/** Lists the best common ancestors of two commits; none for unrelated histories. Source: git-merge-base(1). */
export async function listMergeBases(repository: OpenRepository, one: string, other: string): Promise<readonly string[]> {
  const call = { args: ["merge-base", "--all", one, other] };
  const answer = await repository.askGit(call);
  if (answer.code > 1) throw toGitFault(call, answer);
  return answer.stdout
    .toString("latin1")
    .split("\n")
    .filter((line) => line !== "");
}
