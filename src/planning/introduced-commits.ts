import { PLAN_PUSHED_MAX, PUSHED_COMMITS_MAX } from "../domain/git/pushed-commits.js";
import type { CheckedPush } from "../repository/incoming/ingest-push.js";
import { openObjectSource } from "../repository/objects/object-source.js";
import { parseCommitLinks } from "../repository/objects/object-text.js";
import type { OpenRepository } from "../repository/open-repository.js";

/**
 * The commits that a checked push brings: those that its tip reaches and the store does not have. Undefined when they are more than
 * PUSHED_COMMITS_MAX. Asked before the push is stored.
 */
export async function listIntroducedCommits(
  repository: OpenRepository,
  { tip, pack }: Pick<CheckedPush, "tip" | "pack">,
): Promise<readonly string[] | undefined> {
  // A tip that the store has was brought, with all that it reaches, by an earlier push.
  if (pack === undefined) return [];
  const source = openObjectSource(repository, pack);
  try {
    const introduced = new Set<string>();
    let found: readonly string[] = [tip];
    // The store has all that a stored commit reaches, so the walk ends there.
    while (found.length > 0) {
      const stored = await findStoredIds(repository, found);
      const fresh = found.filter((id) => !stored.has(id));
      for (const id of fresh) introduced.add(id);
      if (introduced.size > PUSHED_COMMITS_MAX) return undefined;
      const commits = await Promise.all(fresh.map(async (id) => parseCommitLinks((await source.read(id)).bytes)));
      found = [...new Set(commits.flatMap(({ parents }) => parents))].filter((id) => !introduced.has(id));
    }
    return [...introduced];
  } finally {
    await source.close();
  }
}

/** What a plan says of commits that earlier pushes brought: which of `ids` the store has. Null when there are more than PLAN_PUSHED_MAX. */
export async function listPushedBefore(repository: OpenRepository, ids: readonly string[]): Promise<string[] | null> {
  return ids.length > PLAN_PUSHED_MAX ? null : [...(await findStoredIds(repository, ids))].sort();
}

async function findStoredIds(repository: OpenRepository, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const reader = repository.getReader();
  const found = await Promise.all(ids.map(async (id) => ((await reader.readInfo(id)) === undefined ? [] : [id])));
  return new Set(found.flat());
}
