import { type ObjectStore, StorageFault } from "../../../src/storage/ports.js";

/** Counts what a store is asked for, by the method's name. */
export function countingStore(store: ObjectStore): { store: ObjectStore; calls: Map<string, number> } {
  const calls = new Map<string, number>();
  const counted = <T extends object>(port: T): T =>
    new Proxy(port, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as unknown;
        if (typeof method !== "function") return method;
        return (...args: unknown[]) => {
          calls.set(String(name), (calls.get(String(name)) ?? 0) + 1);
          return Reflect.apply(method, target, args) as unknown;
        };
      },
    });
  return {
    calls,
    store: { blobs: counted(store.blobs), pointers: counted(store.pointers), describe: () => store.describe(), close: () => store.close() },
  };
}

/** A store whose writes to keys that match take effect, and whose answers to them are lost, `times` times. */
export function forgetfulStore(store: ObjectStore, matches: RegExp, times: number): ObjectStore {
  let left = times;
  const lost = (key: string): boolean => matches.test(key) && left-- > 0;
  const fault = (key: string) => new StorageFault("outcome_unknown", key, "The answer was lost.");
  return {
    blobs: {
      ...store.blobs,
      create: async (key, bytes) => {
        const answer = await store.blobs.create(key, bytes);
        if (lost(key)) throw fault(key);
        return answer;
      },
    },
    pointers: {
      ...store.pointers,
      swap: async (key, expected, bytes) => {
        const answer = await store.pointers.swap(key, expected, bytes);
        if (lost(key)) throw fault(key);
        return answer;
      },
    },
    describe: () => store.describe(),
    close: () => store.close(),
  };
}
