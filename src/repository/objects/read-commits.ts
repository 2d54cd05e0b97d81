import { GitFault } from "../git-fault.js";
import type { OpenRepository } from "../open-repository.js";

/** The number of commits that one git reads. */
const COMMITS_AT_ONCE = 500;
/** The maximum total size of the commits that one git reads. */
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Reads whole commits of the act's scratch repository and of the repository behind it.
 *
 * @throws GitFault `output_too_large`, or `git_failed` if one is missing
 */
export async function* readCommits(
  repository: OpenRepository,
  ids: readonly string[],
): AsyncGenerator<readonly [id: string, commit: Buffer]> {
  for (let from = 0; from < ids.length; from += COMMITS_AT_ONCE) {
    const some = ids.slice(from, from + COMMITS_AT_ONCE);
    const output = await repository.readGitOutput({
      args: ["cat-file", "--batch"],
      input: Buffer.from(some.map((id) => `${id}\n`).join("")),
      outputMaxBytes: OUTPUT_MAX_BYTES,
    });
    let at = 0;
    for (const id of some) {
      const start = output.indexOf(0x0a, at) + 1;
      const sizeBytes = Number(new RegExp(`^${id} commit (\\d+)$`).exec(output.toString("latin1", at, start - 1))?.[1]);
      if (!Number.isSafeInteger(sizeBytes)) throw new GitFault("git_failed", `git cannot read commit ${id}. Try again.`);
      yield [id, output.subarray(start, start + sizeBytes)];
      at = start + sizeBytes + 1;
    }
  }
}
