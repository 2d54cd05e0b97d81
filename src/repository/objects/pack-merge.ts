import type { Outcome } from "../../domain/denial.js";
import type { IncomingLimits } from "../incoming/incoming-limits.js";
import type { OpenRepository } from "../open-repository.js";
import type { CheckedPack } from "../packs/checked-pack.js";
import { makePack } from "../packs/make-pack.js";
import { type CommitText, writeCommit } from "./commit-object.js";
import type { Making } from "./making.js";

/** The commit of a merged tree. */
export interface MergeCommit {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly text: CommitText;
}

/**
 * Creates the commit of a merge, and one pack of it and of the trees and files that only the merge has. `stored` are commits that the
 * repository has together with everything that they reach.
 */
export async function packMerge(
  repository: OpenRepository,
  commit: MergeCommit,
  stored: readonly string[],
  making: Making,
  limits: IncomingLimits,
): Promise<Outcome<{ id: string; pack: CheckedPack | undefined }>> {
  const id = await writeCommit(repository.getScratch(), commit.tree, commit.parents, commit.text, making);
  const pack = await makePack(repository, ["--revs"], [id, ...stored.map((known) => `^${known}`)], limits);
  return pack.ok ? { ok: true, value: { id, pack: pack.value } } : pack;
}
