import type { ObjectStore } from "../../src/storage/ports.js";

/** Which conditions a store ignores. */
export interface Ignored {
  readonly create?: boolean;
  readonly swap?: boolean;
}

/** Wraps a store so that it ignores conditions, like an S3 without If-None-Match or If-Match on PUT. */
export function createUnconditionalStore(kept: ObjectStore, ignored: Ignored): ObjectStore {
  async function overwrite(key: string, bytes: Uint8Array): Promise<string> {
    for (;;) {
      const before = await kept.pointers.read(key);
      const outcome = await kept.pointers.swap(key, before?.version ?? null, bytes);
      if (outcome.won) {
        return outcome.version;
      }
    }
  }
  return {
    ...kept,
    blobs: {
      ...kept.blobs,
      create: async (key, bytes) => {
        if (!ignored.create) {
          return kept.blobs.create(key, bytes);
        }
        await overwrite(key, bytes);
        return "created";
      },
    },
    pointers: {
      ...kept.pointers,
      swap: async (key, expected, bytes) =>
        ignored.swap ? { won: true, version: await overwrite(key, bytes) } : kept.pointers.swap(key, expected, bytes),
    },
  };
}
