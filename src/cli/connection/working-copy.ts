import { tryGit } from "../../client/git/git-command.js";
import { UsageError } from "../failure.js";

/** The branch and the working copy, as the command line gives them. */
export interface Source {
  readonly from: string;
  readonly ref?: string;
  readonly branch?: string;
}

/** Returns the full local ref and the branch's name in the registry. @throws UsageError */
export async function resolvePushSource({ from, ref, branch }: Source): Promise<{ ref: string; branch: string }> {
  const inside = await tryGit(from, ["rev-parse", "--git-dir"]);
  if (inside === undefined) throw new UsageError(`--from: ${from} is not a git repository; pass one, or change into one.`);
  const full =
    ref === undefined
      ? await tryGit(from, ["symbolic-ref", "--quiet", "HEAD"])
      : await tryGit(from, ["rev-parse", "--symbolic-full-name", "--verify", "--quiet", ref]);
  const name = full?.startsWith("refs/heads/") ? full.slice("refs/heads/".length) : undefined;
  if (ref !== undefined && !full) throw new UsageError(`--ref: ${ref} is not a branch of ${from}; name a local branch.`);
  if (branch === undefined && name === undefined)
    throw new UsageError("--branch: no local branch is checked out; name the branch of the registry.");
  const chosen = full || "HEAD";
  if ((await tryGit(from, ["rev-parse", "--verify", "--quiet", `${chosen}^{commit}`])) === undefined)
    throw new UsageError(`--from: ${from} has no commit yet; commit something first.`);
  return { ref: chosen, branch: branch ?? name ?? "" };
}
