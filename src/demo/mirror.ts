import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { toRepoPrefix } from "../domain/storage-key.js";
import type { ObjectStore } from "../storage/ports.js";

const AT_ONCE = 8;

/** Copies a project's prefix to a folder unchanged. Returns the number of objects (contracts, "Storage"). */
export async function mirrorRepository(store: ObjectStore, tenant: string, project: string, folder: string): Promise<number> {
  const prefix = `${toRepoPrefix(tenant, project)}/`;
  const keys: string[] = [];
  for await (const key of store.blobs.list(prefix)) keys.push(key);
  const waiting = keys.values();
  const copyNext = async (): Promise<void> => {
    for (const key of waiting) {
      const path = join(folder, key.slice(prefix.length));
      await mkdir(dirname(path), { recursive: true });
      if (!(await store.blobs.getToFile(key, path))) throw new Error(`the object ${key} was listed and is not there`);
    }
  };
  await mkdir(folder, { recursive: true });
  await Promise.all(Array.from({ length: AT_ONCE }, copyNext));
  return keys.length;
}
