import { setTimeout as sleep } from "node:timers/promises";
import { GitFault } from "../../repository/git-fault.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { isNotOlder, type RefsState, readRefs } from "../../repository/refs/refs-state.js";
import type { ObjectStore } from "../../storage/ports.js";
import { swapPointer } from "./swap-pointer.js";

const TRIES_MAX = 64;

/**
 * Replaces a derived object by what `make` derives from the refs and the current bytes. An older state never replaces a newer one: the
 * refs are read after the version that is swapped, so they are no older than the refs behind that version. The first try skips both reads
 * if this process remembers the version and the refs of the open repository are certainly no older.
 */
export async function derivePointer(
  store: ObjectStore,
  repository: OpenRepository,
  key: string,
  make: (state: RefsState, before: Uint8Array | undefined) => Uint8Array,
): Promise<void> {
  const { derived } = repository.cache.memory;
  const remembered = derived.get(key);
  let before: { readonly bytes: Uint8Array; readonly version: string } | undefined = remembered;
  let state = remembered !== undefined && isNotOlder(repository.state, remembered.from) ? repository.state : undefined;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (state === undefined) {
      before = await store.pointers.read(key);
      state = await readRefs(store, repository.name);
    }
    if (state === undefined)
      throw new GitFault("repository_invalid", `${repository.name.project_id} has lost its refs. Restore the repository from a copy.`);
    const bytes = make(state, before?.bytes);
    if (before !== undefined && Buffer.compare(before.bytes, bytes) === 0) return;
    const version = await swapPointer(store, key, before?.version ?? null, bytes);
    if (version !== undefined) {
      derived.set(key, { bytes, version, from: state });
      return;
    }
    state = undefined;
    await sleep(Math.random() * 4 * tries);
  }
  throw new GitFault("contended", `${key} changed ${TRIES_MAX} times in a row. It is a derived object; try again.`);
}
