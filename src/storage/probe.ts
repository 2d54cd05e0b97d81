import { randomUUID } from "node:crypto";
import { type ObjectStore, StorageFault } from "./ports.js";
import type { Space } from "./spaces.js";

/** Enough to collide on a store that ignores conditions, few enough for start-up. */
const contenders = 16;

/** No state of any backend has this version. */
const foreignVersion = "00000000000000000000000000000000";

/**
 * The start-up probe: proves that the store honours conditions, on which every ref and claim depends. Of many creates of one key exactly
 * one must succeed, and a swap that expects a stale version must lose. Leaves one object of a few bytes at `<space>/_probe/<unique>`.
 * With create-only permissions the store refuses the swaps, and the probe skips them.
 *
 * Throws {@link StorageFault} `misconfigured` if the store ignores conditions, and any fault of the store itself.
 */
export async function probeConditionalWrites(store: ObjectStore, space: Space): Promise<void> {
  const key = `${space}/_probe/${randomUUID()}`;
  await probeCreates(store, key);
  try {
    await probeSwaps(store, key);
  } catch (cause) {
    // A process that may not swap does not depend on swaps.
    if (!(cause instanceof StorageFault && cause.code === "denied")) throw cause;
  }
}

async function probeCreates(store: ObjectStore, key: string): Promise<void> {
  const bodies = Array.from({ length: contenders }, (_, number) => Buffer.from(`probe ${number}\n`));
  const outcomes = await Promise.all(bodies.map((body) => store.blobs.create(key, body)));
  const winners = outcomes.flatMap((outcome, number) => (outcome === "created" ? [number] : []));
  if (winners.length !== 1)
    throw buildProbeFault(store, key, `${winners.length} of ${contenders} concurrent creates of one key succeeded, not one`);
  const kept = await store.blobs.get(key);
  if (kept === undefined || !bodies[winners[0] ?? 0]?.equals(kept))
    throw buildProbeFault(store, key, "the stored object is not the one whose creation succeeded");
  if ((await store.blobs.create(key, Buffer.from("late\n"))) !== "exists")
    throw buildProbeFault(store, key, "an existing object was created again");
}

async function probeSwaps(store: ObjectStore, key: string): Promise<void> {
  if ((await store.pointers.swap(key, foreignVersion, Buffer.from("foreign\n"))).won)
    throw buildProbeFault(store, key, "a swap that expected a version that never existed won");
  if ((await store.pointers.swap(key, null, Buffer.from("absent\n"))).won)
    throw buildProbeFault(store, key, "a swap that expected no object replaced one");
  const before = await store.pointers.read(key);
  if (before === undefined || !(await store.pointers.swap(key, before.version, Buffer.from("next\n"))).won)
    throw buildProbeFault(store, key, "a swap that expected the current version lost");
  if ((await store.pointers.swap(key, before.version, Buffer.from("stale\n"))).won)
    throw buildProbeFault(store, key, "a swap that expected a stale version won");
}

function buildProbeFault(store: ObjectStore, key: string, seen: string): StorageFault {
  return new StorageFault(
    "misconfigured",
    key,
    `${store.describe()} does not honour conditional writes (${seen}): use an S3 that supports If-None-Match and If-Match ` +
      "on PUT, or the directory backend, and ensure that no proxy drops these headers.",
  );
}
