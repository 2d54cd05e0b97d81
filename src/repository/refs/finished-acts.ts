import { ACT_REFS, ENDED_ACT_REFS } from "../../domain/git/ref-name.js";
import { toReceiptKey } from "../../domain/storage-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { Refs } from "./packed-refs.js";

/** The number of records that one write checks. It adds only one record, so their number falls after a burst. */
const CHECKED_MAX = 4;

/**
 * Lists the records of acts that can be removed because their receipt exists: those in `receipted`, and those of a few others that are
 * checked. The first one to check depends on `jti`, so that running acts, which have no receipt yet, do not hide the others for long.
 */
export async function listFinishedActs(
  store: ObjectStore,
  tenantId: string,
  refs: Refs,
  jti: string,
  receipted: ReadonlySet<string>,
): Promise<string[]> {
  const all = [...refs.keys()].filter((name) => name.startsWith(ACT_REFS) || name.startsWith(ENDED_ACT_REFS));
  const known = all.filter((name) => receipted.has(toJti(name)));
  const acts = all.filter((name) => !known.includes(name));
  const start = acts.findIndex((name) => name > `${ACT_REFS}${jti}`);
  const turned = start === -1 ? acts : [...acts.slice(start), ...acts.slice(0, start)];
  const checked = await Promise.all(
    turned.slice(0, CHECKED_MAX).map(async (name) => {
      const receipt = await store.blobs.stat(toReceiptKey(tenantId, toJti(name)));
      return receipt === undefined ? [] : [name];
    }),
  );
  return [...known, ...checked.flat()];
}

function toJti(record: string): string {
  return record.slice(record.lastIndexOf("/") + 1);
}
