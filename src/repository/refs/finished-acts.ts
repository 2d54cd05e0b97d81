import { ACT_REFS } from "../../domain/git/ref-name.js";
import { toReceiptKey } from "../../domain/storage-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { Refs } from "./packed-refs.js";

/** How many records one write checks: more than the one that it adds, so that their number falls back after a burst. */
const CHECKED_MAX = 4;

/**
 * The act refs that can go because their receipt exists: those of `receipted`, and of the others at most a few are looked at. Where to
 * start depends on `jti`, so that records without a receipt (acts still under way) never hide the others for long.
 */
export async function listFinishedActs(
  store: ObjectStore,
  tenantId: string,
  refs: Refs,
  jti: string,
  receipted: ReadonlySet<string>,
): Promise<string[]> {
  const all = [...refs.keys()].filter((name) => name.startsWith(ACT_REFS));
  const known = all.filter((name) => receipted.has(name.slice(ACT_REFS.length)));
  const acts = all.filter((name) => !known.includes(name));
  const start = acts.findIndex((name) => name > `${ACT_REFS}${jti}`);
  const turned = start === -1 ? acts : [...acts.slice(start), ...acts.slice(0, start)];
  const checked = await Promise.all(
    turned.slice(0, CHECKED_MAX).map(async (name) => {
      const receipt = await store.blobs.stat(toReceiptKey(tenantId, name.slice(ACT_REFS.length)));
      return receipt === undefined ? [] : [name];
    }),
  );
  return [...known, ...checked.flat()];
}
