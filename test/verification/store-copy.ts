import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ObjectStore } from "../../src/storage/ports.js";
import { spaceNames } from "../../src/storage/spaces.js";
import { createTemporaryFolder } from "../repository/real-git.js";

/** Copies every object of a store to a new folder, at its key, and then some changed ones. Undefined leaves one out. Returns the folder. */
export async function copyStore(store: ObjectStore, changed: Readonly<Record<string, Uint8Array | undefined>> = {}): Promise<string> {
  const folder = createTemporaryFolder("ogr-copy-");
  const openPath = async (key: string) => {
    await mkdir(dirname(join(folder, key)), { recursive: true });
    return join(folder, key);
  };
  for (const space of spaceNames)
    for await (const key of store.blobs.list(`${space}/`))
      if (!Object.hasOwn(changed, key) && !(await store.blobs.getToFile(key, await openPath(key))))
        throw new Error(`${key} was listed and is not there`);
  for (const [key, bytes] of Object.entries(changed)) if (bytes !== undefined) await writeFile(await openPath(key), bytes);
  return folder;
}
