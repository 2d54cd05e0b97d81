import type { OpenRepository } from "../open-repository.js";
import { toGitFault } from "../stock-git/stock-git.js";

/** Whether `old` is `next` or one of its ancestors. Does not ask git for commits in `seen`. */
export async function isAncestor(
  repository: OpenRepository,
  old: string,
  next: string,
  seen: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<boolean> {
  if (seen.has(old)) return true;
  const scratch = repository.getScratch();
  const call = { gitDir: scratch.gitDir, args: ["merge-base", "--is-ancestor", old, next], signal };
  const answer = await repository.git.run(call);
  if (answer.code > 1) throw toGitFault(call, answer);
  return answer.code === 0;
}

/** Whether a branch reaches `commit`. Tags and records of acts do not count. */
export async function isOnBranch(repository: OpenRepository, commit: string, signal: AbortSignal): Promise<boolean> {
  const scratch = repository.getScratch();
  scratch.writeRefs(repository.state.refs);
  const beyond = await repository.git.readOutput({
    gitDir: scratch.gitDir,
    args: ["rev-list", "--max-count=1", commit, "--not", "--branches"],
    signal,
  });
  return beyond.length === 0;
}
