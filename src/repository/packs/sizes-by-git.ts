import { type GitCall, type StockGit, toGitFault } from "../stock-git/stock-git.js";
import type { PackIndex } from "./pack-index.js";

/** How many objects one git is asked about, so that questions and answers stay small in memory. */
const BATCH = 200_000;

/** The longest line of an answer: a size, or that there is no such object. */
const ANSWER_MAX_BYTES = 64;

/**
 * As the look at the entries in process, by git itself: the first object of a pack in the repository `gitDir` that is larger than
 * `max_bytes`, by its id, or undefined. git too reads no more of an entry than says its size, ten times as fast and in a process of its own.
 */
export async function findOversizedObjectByGit(
  git: StockGit,
  gitDir: string,
  index: PackIndex,
  maxBytes: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (let from = 0; from < index.count; from += BATCH) {
    const count = Math.min(BATCH, index.count - from);
    const input = Buffer.alloc(count * 41, "\n");
    for (let n = 0; n < count; n += 1) input.write(index.readId(from + n), n * 41, "latin1");
    const args = ["cat-file", "--buffer", "--batch-check=%(objectsize)"];
    const call: GitCall = { gitDir, args, input, outputMaxBytes: count * ANSWER_MAX_BYTES, signal };
    const answer = await git.run(call);
    const sizes = answer.stdout.toString("latin1").split("\n");
    // Whatever is not a size for every object (a missing one, an end too soon) is a fault and never a pass.
    if (answer.code !== 0 || sizes.length !== count + 1) throw toGitFault(call, answer);
    for (let n = 0; n < count; n += 1) {
      const size = sizes[n] ?? "";
      if (!/^\d+$/.test(size)) throw toGitFault(call, { ...answer, stderr: `it said of an object: ${size}` });
      if (Number(size) > maxBytes) return index.readId(from + n);
    }
  }
  return undefined;
}
