import { EMPTY_TREE } from "../../domain/git/git-id.js";
import { toActRef, toEndedActRef } from "../../domain/git/ref-name.js";
import { GitFault } from "../../repository/git-fault.js";
import { serialisePackedRefs } from "../../repository/refs/packed-refs.js";
import { readStoredRefs } from "../../repository/refs/refs-state.js";
import { type RepositoryName, toRepositoryKeys } from "../../repository/repository-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import { createBlob } from "../../storage/settled-write.js";
import { EMPTY_TREE_BYTES } from "./create-repository.js";
import { swapPointer } from "./swap-pointer.js";

const TRIES_MAX = 64;

/**
 * Records in the refs that the act ended without moving any, so that a late write of an earlier attempt loses. Returns false if that write
 * landed first: the act has happened. Source: contracts "Then the claim".
 */
export async function recordEndedAct(store: ObjectStore, name: RepositoryName, jti: string): Promise<boolean> {
  const keys = toRepositoryKeys(name);
  await createBlob(store, keys.emptyTree, EMPTY_TREE_BYTES);
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const state = await readStoredRefs(store, name);
    if (state?.refs.has(toActRef(jti))) return false;
    if (state?.refs.has(toEndedActRef(jti))) return true;
    const refs = new Map(state?.refs).set(toEndedActRef(jti), { id: EMPTY_TREE });
    const version = await swapPointer(store, keys.packedRefs, state?.version ?? null, serialisePackedRefs(refs));
    if (version !== undefined) return true;
  }
  throw new GitFault("contended", `The refs of ${name.project_id} changed ${TRIES_MAX} times in a row. Try again.`);
}
