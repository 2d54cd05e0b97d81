import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectStore } from "../../storage/ports.js";
import { type RepositoryName, toRepositoryKeys } from "../repository-key.js";
import { fetchPackFile } from "./fetch-pack-file.js";

const DOWNLOADS = 4;
const MULTI_PACK_INDEX = "multi-pack-index";

/** The packs that a folder holds now, and whether it still has an index over all of them. */
export interface DownloadedPacks {
  readonly hashes: readonly string[];
  readonly hasIndex: boolean;
}

export function toPackPath(folder: string, hash: string, extension: "pack" | "idx"): string {
  return join(folder, `pack-${hash}.${extension}`);
}

/**
 * Makes `folder` hold exactly the packs that the store has. Whatever else lies there belongs to another life of the store and is removed,
 * with `onForeign` before anything is downloaded. @throws GitFault for a pack that is damaged; what `signal` throws
 */
export async function downloadPacks(
  store: ObjectStore,
  name: RepositoryName,
  folder: string,
  signal: AbortSignal,
  onForeign: () => Promise<void>,
): Promise<DownloadedPacks> {
  const keys = toRepositoryKeys(name);
  const listed = new Set<string>();
  for await (const key of store.blobs.list(keys.packs)) listed.add(key.slice(keys.packs.length));
  const hashes = [...listed]
    .flatMap((file) => /^pack-([0-9a-f]{40})\.idx$/.exec(file)?.[1] ?? [])
    .filter((hash) => listed.has(`pack-${hash}.pack`));
  const present = new Set(await readdir(folder));
  const foreign = [...present].filter((file) => !listed.has(file) && file !== MULTI_PACK_INDEX);
  for (const file of foreign) await rm(join(folder, file), { recursive: true, force: true });
  if (foreign.length > 0) {
    await onForeign();
    // It may name such a pack.
    await rm(join(folder, MULTI_PACK_INDEX), { force: true });
  }
  const missing = hashes.filter((hash) => !present.has(`pack-${hash}.pack`) || !present.has(`pack-${hash}.idx`));
  await Promise.all(
    Array.from({ length: DOWNLOADS }, async () => {
      for (let hash = missing.pop(); hash !== undefined; hash = missing.pop()) {
        signal.throwIfAborted();
        // git takes a pack from its index on, so the index comes last.
        await fetchPackFile(store, keys.pack(hash), toPackPath(folder, hash, "pack"), hash, 20);
        await fetchPackFile(store, keys.index(hash), toPackPath(folder, hash, "idx"), hash, 40);
      }
    }),
  );
  return { hashes, hasIndex: present.has(MULTI_PACK_INDEX) && foreign.length === 0 };
}
