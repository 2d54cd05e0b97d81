import { syncFile } from "../../process/durable-file.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import type { CheckedPack } from "../../repository/packs/checked-pack.js";
import { toRepositoryKeys } from "../../repository/repository-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import { settleWrite } from "../../storage/settled-write.js";

/**
 * Uploads a pack before any ref needs it and adds it to the cache. Returns the bytes stored. An existing pack has the same bytes. The
 * cache trusts its files even after a power failure, so they are flushed to disk during the upload.
 */
export async function storePack({ store, name, cache, signal }: OpenRepository, pack: CheckedPack): Promise<number> {
  signal.throwIfAborted();
  const keys = toRepositoryKeys(name);
  await Promise.all([
    uploadFile(store, keys.pack(pack.hash), pack.bytes?.pack ?? pack.packPath, pack.packSizeBytes),
    uploadFile(store, keys.index(pack.hash), pack.bytes?.index ?? pack.indexPath, pack.indexSizeBytes),
    syncFile(pack.packPath),
    syncFile(pack.indexPath),
  ]);
  await cache.adoptPack(pack.hash, pack.packPath, pack.indexPath, pack.packSizeBytes);
  return pack.packSizeBytes + pack.indexSizeBytes;
}

async function uploadFile({ blobs }: ObjectStore, key: string, source: Buffer | string, sizeBytes: number): Promise<void> {
  await settleWrite(
    () => (typeof source === "string" ? blobs.createFromFile(key, source) : blobs.create(key, source)),
    async () => (await blobs.stat(key))?.sizeBytes === sizeBytes,
  );
}
