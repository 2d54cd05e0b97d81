import { serialisePackedRefs } from "../../repository/refs/packed-refs.js";
import { type RepositoryName, toRepositoryKeys } from "../../repository/repository-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import { createBlob, settleWrite } from "../../storage/settled-write.js";

const HEAD = "ref: refs/heads/main\n";

/** `hideRefs` hides the records of acts from clients when stock git serves a copy. */
const CONFIG = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
[transfer]
	hideRefs = refs/ubl
`;

/**
 * Writes an empty bare repository whose `HEAD` is the unborn `refs/heads/main`, and returns its size in bytes. Keeps existing files, so
 * it can be repeated. `packed-refs` is written last and completes the repository. Git recognises a repository by `refs/` and `objects/`,
 * but a store keeps no empty folders, so each has a `.keep`. Source: contracts "Storage".
 */
export async function createRepository(store: ObjectStore, name: RepositoryName): Promise<number> {
  const keys = toRepositoryKeys(name);
  const files: [string, string][] = [
    [keys.head, HEAD],
    [keys.config, CONFIG],
    [keys.refsKeep, ""],
    [keys.objectsKeep, ""],
  ];
  await Promise.all(files.map(([key, text]) => createBlob(store, key, Buffer.from(text))));
  const refs = serialisePackedRefs(new Map());
  await createPointer(store, keys.packedRefs, refs);
  return files.reduce((sum, [, text]) => sum + text.length, refs.byteLength);
}

async function createPointer(store: ObjectStore, key: string, bytes: Uint8Array): Promise<void> {
  await settleWrite(
    () => store.pointers.swap(key, null, bytes),
    async () => (await store.pointers.read(key)) !== undefined,
  );
}
