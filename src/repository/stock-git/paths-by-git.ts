import type { Denial } from "../../domain/denial.js";
import { GitFault } from "../git-fault.js";
import type { IncomingLimits } from "../incoming/incoming-limits.js";
import type { OpenRepository } from "../open-repository.js";
import { toGitFault } from "./stock-git.js";

/** The total size of the names of added paths in one push. */
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Limits git's list of a commit's paths to 2 million. git builds the list before it writes, so without this limit a few shared trees with
 * billions of paths would take all memory.
 */
const LIST_MAX_BYTES = 16 * 1024 * 1024;

/**
 * Checks with git what every commit that no visible ref reaches adds to its first parent. For large packs, and for commits that rest on
 * commits that may never have been checked.
 */
export async function checkPathsByGit(
  repository: OpenRepository,
  tip: string,
  limits: IncomingLimits,
  signal: AbortSignal,
): Promise<Denial | undefined> {
  const scratch = repository.getScratch();
  scratch.writeRefs(repository.state.refs);
  const format = [
    "-z",
    "--format=%x01%H",
    "--name-only",
    "-r",
    "-t",
    "--no-renames",
    "--root",
    "--diff-merges=first-parent",
    "--diff-filter=AT",
  ];
  const call = {
    gitDir: scratch.gitDir,
    args: ["log", ...format, tip, "--not", "--branches", "--tags", "--"],
    env: { GIT_ALLOC_LIMIT: String(LIST_MAX_BYTES) },
    outputMaxBytes: OUTPUT_MAX_BYTES,
    signal,
  };
  const answer = await repository.git.run(call).catch((error: unknown) => {
    if (error instanceof GitFault && error.code === "output_too_large") return undefined;
    throw error;
  });
  if (answer === undefined || /attempting to allocate/.test(answer.stderr))
    return { code: "limit_exceeded", message: "The push adds more paths than can be checked at once. Push the history in several steps." };
  if (answer.code !== 0) throw toGitFault(call, answer);
  const names = answer.stdout;
  let commit = tip;
  let count = 0;
  for (let at = 0; at < names.length; ) {
    const end = names.indexOf(0, at);
    const stop = end === -1 ? names.length : end;
    if (names[at] === 1 && stop - at === 41) {
      commit = names.toString("latin1", at + 1, stop);
      count = 0;
    } else {
      // git begins the names of a commit on a new line.
      const from = count === 0 && names[at] === 0x0a ? at + 1 : at;
      count += 1;
      const problem = checkPaths(commit, { longestBytes: stop - from, longest: names.toString("utf8", from, stop), count }, limits);
      if (problem !== undefined) return problem;
    }
    at = stop + 1;
  }
  return undefined;
}

/** The denial if the paths that a commit changes are too long or too many, or undefined. */
export function checkPaths(
  commit: string,
  paths: { readonly longestBytes: number; readonly longest: string; readonly count: number },
  limits: IncomingLimits,
): Denial | undefined {
  if (paths.longestBytes > limits.pathMaxBytes) {
    const begins = `${paths.longest.slice(0, 120)}…`;
    return {
      code: "limit_exceeded",
      message: `Commit ${commit} has a path of ${paths.longestBytes} bytes; ${limits.pathMaxBytes} are allowed: ${begins}`,
    };
  }
  if (paths.count <= limits.objectsMaxCount) return undefined;
  return { code: "limit_exceeded", message: `Commit ${commit} changes ${paths.count} paths; ${limits.objectsMaxCount} are allowed.` };
}
