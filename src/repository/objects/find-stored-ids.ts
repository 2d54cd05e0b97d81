import type { OpenRepository } from "../open-repository.js";

/** Returns those of `ids` that the repository has. */
export async function findStoredIds(repository: OpenRepository, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const reader = repository.getReader();
  const found = await Promise.all(ids.map(async (id) => ((await reader.readInfo(id)) === undefined ? [] : [id])));
  return new Set(found.flat());
}
