import { deflateSync } from "node:zlib";
import { EMPTY_TREE } from "../../domain/git/git-id.js";
import { toActRef, toEndedActRef } from "../../domain/git/ref-name.js";
import { GitFault } from "../../repository/git-fault.js";
import { recordAct } from "../../repository/refs/act-records.js";
import { type RefTarget, serialisePackedRefs } from "../../repository/refs/packed-refs.js";
import { isRegistered, readRefs, readStoredRefs } from "../../repository/refs/refs-state.js";
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
const EMPTY_TREE_BYTES = deflateSync("tree 0\0");

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
 * Registers the repository by one conditional write of its refs, which records the act. Returns false if another act registered it, or if
 * this act was recorded as ended; true also if an earlier attempt at this act registered it.
 */
export function registerRepository(store: ObjectStore, name: RepositoryName, jti: string): Promise<boolean> {
  return addRecord(store, name, (refs) => {
    if (refs.has(toActRef(jti))) return true;
    if (isRegistered(refs) || refs.has(toEndedActRef(jti))) return false;
    recordAct(refs, jti, { id: EMPTY_TREE });
    return undefined;
  });
}

/**
 * Records in the refs that the act ended without moving any, so that a late write of an earlier attempt loses. Returns false if that write
 * landed first: the act has happened. Source: contracts "Then the claim".
 */
export async function recordEndedAct(
  store: ObjectStore,
  name: RepositoryName,
  jti: string,
  { registers }: { readonly registers: boolean },
): Promise<boolean> {
  // Only a registration writes refs where there are none; every other write names the version that it replaces.
  if (!registers && (await readRefs(store, name)) === undefined) return true;
  await createBlob(store, toRepositoryKeys(name).emptyTree, EMPTY_TREE_BYTES);
  return addRecord(store, name, (refs) => {
    if (refs.has(toActRef(jti))) return false;
    if (refs.has(toEndedActRef(jti))) return true;
    refs.set(toEndedActRef(jti), { id: EMPTY_TREE });
    return undefined;
  });
}

/** Writes the refs that `decide` changes by a conditional write, unless it already returns the result for the present refs. */
async function addRecord(
  store: ObjectStore,
  name: RepositoryName,
  decide: (refs: Map<string, RefTarget>) => boolean | undefined,
): Promise<boolean> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const state = await readStoredRefs(store, name);
    const refs = new Map(state?.refs);
    const decided = decide(refs);
    if (decided !== undefined) return decided;
    const bytes = serialisePackedRefs(refs);
    if ((await swapPointer(store, toRepositoryKeys(name).packedRefs, state?.version ?? null, bytes)) !== undefined) return true;
  }
  throw new GitFault("contended", `The refs of ${name.project_id} changed ${TRIES_MAX} times in a row. Try again.`);
}
