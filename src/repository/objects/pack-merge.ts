import type { Outcome } from "../../domain/denial.js";
import type { IncomingLimits } from "../incoming/incoming-limits.js";
import type { OpenRepository } from "../open-repository.js";
import { checkPack } from "../packs/check-pack.js";
import type { CheckedPack } from "../packs/checked-pack.js";
import { type CommitText, writeCommit } from "./commit-object.js";

/** A commit of a merged tree. */
export interface MergeCommit {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly text: CommitText;
}

/**
 * Makes the commit of a merge, and one pack of it and of the trees and files that only the merge has, through the same checks as a pack
 * from outside. `stored` are commits that the repository has, with all that they reach.
 */
export async function packMerge(
  repository: OpenRepository,
  commit: MergeCommit,
  stored: readonly string[],
  iatMs: number,
  limits: IncomingLimits,
  signal: AbortSignal,
): Promise<Outcome<{ id: string; pack: CheckedPack | undefined }>> {
  const scratch = repository.getScratch();
  const id = await writeCommit(scratch, commit.tree, commit.parents, commit.text, iatMs);
  const path = scratch.resolvePath("made.pack");
  await repository.git.readOutput({
    gitDir: scratch.gitDir,
    args: ["pack-objects", "--revs", "--stdout", "--quiet", "--threads=1"],
    input: Buffer.from([id, ...stored.map((known) => `^${known}`), ""].join("\n")),
    outputPath: path,
    signal,
  });
  const pack = await checkPack(repository, { path, offsetBytes: 0 }, limits, signal);
  return pack.ok ? { ok: true, value: { id, pack: pack.value } } : pack;
}
