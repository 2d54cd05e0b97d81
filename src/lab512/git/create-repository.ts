import { deflateSync } from "node:zlib";
import { EMPTY_TREE } from "../../domain/git/git-id.js";
import { toActRef, toEndedActRef } from "../../domain/git/ref-name.js";
import { GitFault } from "../../repository/git-fault.js";
import { serialisePackedRefs } from "../../repository/refs/packed-refs.js";
import { isRegistered, readStoredRefs } from "../../repository/refs/refs-state.js";
import { type RepositoryName, toRepositoryKeys } from "../../repository/repository-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import { createBlob } from "../../storage/settled-write.js";
import { swapPointer } from "./swap-pointer.js";

const TRIES_MAX = 64;

const HEAD = "ref: refs/heads/main\n";

/** `hideRefs` hides the records of acts from clients when stock git serves a copy. */
const CONFIG = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
[transfer]
	hideRefs = refs/ubl
`;

/** The loose object that the record of an act points to if the act makes no object. */
export const EMPTY_TREE_BYTES = deflateSync("tree 0\0");

/**
 * Writes the files of an empty bare repository whose `HEAD` is the unborn `refs/heads/main`. Returns their size in bytes. It can be repeated.
 * The repository exists once {@link registerRepository} has written its refs. A store keeps no empty folder, and git recognises a repository
 * by `refs/` and `objects/`, so each has a `.keep`. Source: contracts "Storage".
 */
export async function createRepositoryFiles(store: ObjectStore, name: RepositoryName): Promise<number> {
  const keys = toRepositoryKeys(name);
  const files: [string, Uint8Array][] = [
    [keys.head, Buffer.from(HEAD)],
    [keys.config, Buffer.from(CONFIG)],
    [keys.refsKeep, Buffer.alloc(0)],
    [keys.objectsKeep, Buffer.alloc(0)],
    [keys.emptyTree, EMPTY_TREE_BYTES],
  ];
  await Promise.all(files.map(([key, bytes]) => createBlob(store, key, bytes)));
  return files.reduce((sum, [, bytes]) => sum + bytes.byteLength, 0);
}

/**
 * Registers the repository by one conditional write of its refs, which records the act. False if another act registered it, or if this act
 * was recorded as ended. True as well if an earlier attempt at this act registered it.
 */
export async function registerRepository(store: ObjectStore, name: RepositoryName, jti: string): Promise<boolean> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const state = await readStoredRefs(store, name);
    if (state?.refs.has(toActRef(jti))) return true;
    if (state !== undefined && (isRegistered(state.refs) || state.refs.has(toEndedActRef(jti)))) return false;
    const refs = new Map(state?.refs).set(toActRef(jti), { id: EMPTY_TREE });
    const version = await swapPointer(store, toRepositoryKeys(name).packedRefs, state?.version ?? null, serialisePackedRefs(refs));
    if (version !== undefined) return true;
  }
  throw new GitFault("contended", `The refs of ${name.project_id} changed ${TRIES_MAX} times in a row. Try again.`);
}
