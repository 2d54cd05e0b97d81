import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { AddedPaths } from "../objects/tree-paths.js";
import type { OpenRepository } from "../open-repository.js";
import { toGitFault } from "./stock-git.js";

/** The maximum total size of the names of added paths in one push. */
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Limits git's list of a commit's paths to 2 million. git builds the list before it writes, so without this limit a few shared trees with
 * billions of paths would use all memory.
 */
const LIST_MAX_BYTES = 16 * 1024 * 1024;

/**
 * Measures with git the paths that each commit adds to its first parent, for every commit that `tip` reaches and no visible ref does. A
 * history of 20,000 commits takes one second with git and eighteen with `TreePaths`. Denial: `limit_exceeded`.
 */
export async function measurePathsByGit(repository: OpenRepository, tip: string): Promise<Outcome<Iterable<[commit: string, AddedPaths]>>> {
  repository.getScratch().writeRefs(repository.state.refs);
  // An empty field precedes each commit. No path is empty, whereas any other marker could be a path.
  const format = ["-z", "--format=%x00%H", "--name-only", "-r", "-t", "--no-renames", "--root"];
  const call = {
    args: ["log", ...format, "--diff-merges=first-parent", "--diff-filter=AT", tip, "--not", "--branches", "--tags", "--"],
    env: { GIT_ALLOC_LIMIT: String(LIST_MAX_BYTES) },
    outputMaxBytes: OUTPUT_MAX_BYTES,
  };
  const answer = await repository.runGitWithinOutput(call);
  if (answer === undefined || /attempting to allocate/.test(answer.stderr))
    return denyWith("limit_exceeded", "The push adds more paths than can be checked at once. Push the history in several steps.");
  if (answer.code !== 0) throw toGitFault(call, answer);
  return grantValue(parseAddedPaths(answer.stdout));
}

function* parseAddedPaths(listing: Buffer): Generator<[commit: string, AddedPaths]> {
  for (let at = 0; at < listing.length; ) {
    const commit = listing.toString("latin1", at + 1, at + 41);
    at += 42;
    // git begins the paths of a commit on a new line.
    if (listing[at] === 0x0a) at += 1;
    let [longestAt, longestBytes, count] = [at, 0, 0];
    while (at < listing.length && listing[at] !== 0) {
      const end = listing.indexOf(0, at);
      if (end - at > longestBytes) [longestAt, longestBytes] = [at, end - at];
      count += 1;
      at = end + 1;
    }
    yield [commit, { longestBytes, longest: listing.toString("utf8", longestAt, longestAt + longestBytes), count }];
  }
}
