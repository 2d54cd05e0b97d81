import type { OpenRepository } from "../open-repository.js";
import { toGitFault } from "../stock-git/stock-git.js";

/** Returns whether `old` is `next` or one of its ancestors. Does not ask git about commits in `seen`. */
export async function isAncestor(repository: OpenRepository, old: string, next: string, seen: ReadonlySet<string>): Promise<boolean> {
  if (seen.has(old)) return true;
  const call = { args: ["merge-base", "--is-ancestor", old, next] };
  const answer = await repository.runGit(call);
  if (answer.code > 1) throw toGitFault(call, answer);
  return answer.code === 0;
}

/** Returns whether a branch reaches `commit`. Tags and records of acts do not count. */
export async function isOnBranch(repository: OpenRepository, commit: string): Promise<boolean> {
  repository.getScratch().writeRefs(repository.state.refs);
  const beyond = await repository.readGitOutput({
    args: ["rev-list", "--max-count=1", commit, "--not", "--branches"],
  });
  return beyond.length === 0;
}
