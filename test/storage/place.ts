import type { ObjectStore } from "../../src/storage/ports.js";

/** The store on which a backend's contract is checked. */
export interface Place {
  readonly store: ObjectStore;
  /** The same store, opened a second time. */
  open(): Promise<ObjectStore>;
  /** A local folder for the files of the tests. */
  readonly folder: string;
  /** `<space>/<tenant>/` with a new tenant. */
  createPrefix(space?: string): string;
}

export async function readBlobText(store: ObjectStore, key: string): Promise<string> {
  return Buffer.from((await store.blobs.get(key)) ?? []).toString();
}

export async function readPointer(store: ObjectStore, key: string): Promise<{ text: string; version: string } | undefined> {
  const found = await store.pointers.read(key);
  return found && { text: Buffer.from(found.bytes).toString(), version: found.version };
}

/** Swaps, and throws if the swap loses. Returns the new version. */
export async function swapOrThrow(store: ObjectStore, key: string, expected: string | null, body: string): Promise<string> {
  const outcome = await store.pointers.swap(key, expected, Buffer.from(body));
  if (!outcome.won) {
    throw new Error(`the swap of ${key} to ${body} lost`);
  }
  return outcome.version;
}

export async function collectKeys(keys: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const key of keys) {
    all.push(key);
  }
  return all;
}

/** Counts each outcome. */
export function countOutcomes(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) {
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}
