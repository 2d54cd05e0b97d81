import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectStore } from "../../storage/ports.js";
import { GitFault } from "../git-fault.js";
import { type RepositoryName, toRepositoryKeys } from "../repository-key.js";

const DOWNLOADS = 4;
const MULTI_PACK_INDEX = "multi-pack-index";

/** The packs that a folder contains now, and whether it still has an index over all of them. */
export interface DownloadedPacks {
  readonly hashes: readonly string[];
  readonly hasIndex: boolean;
}

export function toPackPath(folder: string, hash: string, extension: "pack" | "idx"): string {
  return join(folder, `pack-${hash}.${extension}`);
}

/**
 * Makes `folder` contain exactly the packs that the store has. Anything else in it was left from another state of the store and is
 * removed before anything is downloaded; `onForeign` is called then.
 *
 * @throws GitFault if a pack is damaged, and what `signal` throws
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
    // The multi-pack index may name such a pack.
    await rm(join(folder, MULTI_PACK_INDEX), { force: true });
  }
  const missing = hashes.filter((hash) => !present.has(`pack-${hash}.pack`) || !present.has(`pack-${hash}.idx`));
  await Promise.all(
    Array.from({ length: DOWNLOADS }, async () => {
      for (let hash = missing.pop(); hash !== undefined; hash = missing.pop()) {
        signal.throwIfAborted();
        // git uses a pack as soon as its index exists, so the index is downloaded last.
        await fetchPackFile(store, keys.pack(hash), toPackPath(folder, hash, "pack"), hash, 20);
        await fetchPackFile(store, keys.index(hash), toPackPath(folder, hash, "idx"), hash, 40);
      }
    }),
  );
  return { hashes, hasIndex: present.has(MULTI_PACK_INDEX) && foreign.length === 0 };
}

/**
 * Downloads a pack or its index. A pack ends with its own checksum, an index with the pack's and its own. `fromEnd` is the position of
 * the pack's checksum in bytes from the end, by which a truncated file or another pack's file is detected.
 *
 * @throws GitFault `repository_invalid`
 */
async function fetchPackFile(store: ObjectStore, key: string, path: string, hash: string, fromEnd: number): Promise<void> {
  if (!(await store.blobs.getToFile(key, path)))
    throw new GitFault("repository_invalid", `${key} was listed but does not exist. Restore it from a copy.`);
  const file = await open(path, "r");
  const checksum = Buffer.alloc(20);
  try {
    await file.read(checksum, 0, 20, Math.max(0, (await file.stat()).size - fromEnd));
  } finally {
    await file.close();
  }
  if (checksum.toString("hex") === hash) return;
  await rm(path, { force: true });
  throw new GitFault("repository_invalid", `${key} does not contain the pack of its name. Restore the repository from a copy.`);
}
