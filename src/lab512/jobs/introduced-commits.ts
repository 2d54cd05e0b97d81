import { PUSHED_COMMITS_MAX } from "../../domain/git/pushed-commits.js";
import type { CheckedPush } from "../../repository/incoming/ingest-push.js";
import { findStoredIds } from "../../repository/objects/find-stored-ids.js";
import { openObjectSource } from "../../repository/objects/object-source.js";
import { parseCommitLinks } from "../../repository/objects/object-text.js";
import type { OpenRepository } from "../../repository/open-repository.js";

/**
 * Lists the commits that a checked push adds to the store. Returns undefined for more than PUSHED_COMMITS_MAX. Must be called before the
 * push is stored.
 */
export async function listIntroducedCommits(
  repository: OpenRepository,
  { tip, pack }: Pick<CheckedPush, "tip" | "pack">,
): Promise<readonly string[] | undefined> {
  // Without a pack, an earlier push has stored the tip and everything that it reaches.
  if (pack === undefined) return [];
  const source = openObjectSource(repository, pack);
  try {
    const introduced = new Set<string>();
    let found: readonly string[] = [tip];
    // Everything that a stored commit reaches is stored as well, so the walk ends there.
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
