import { type ObjectStore, StorageFault } from "../../../src/storage/ports.js";

/** Counts the calls to a store, by method name. */
export function createCountingStore(store: ObjectStore): { store: ObjectStore; calls: Map<string, number> } {
  const calls = new Map<string, number>();
  const countCalls = <T extends object>(port: T): T =>
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
    store: {
      blobs: countCalls(store.blobs),
      pointers: countCalls(store.pointers),
      describe: () => store.describe(),
      close: () => store.close(),
    },
  };
}

/** A store that performs writes to matching keys but reports them as failed, `times` times. */
export function createForgetfulStore(store: ObjectStore, matches: RegExp, times: number): ObjectStore {
  let left = times;
  const isLost = (key: string): boolean => matches.test(key) && left-- > 0;
  const createFault = (key: string) => new StorageFault("outcome_unknown", key, "The response was lost.");
  return {
    blobs: {
      ...store.blobs,
      create: async (key, bytes) => {
        const answer = await store.blobs.create(key, bytes);
        if (isLost(key)) throw createFault(key);
        return answer;
      },
    },
    pointers: {
      ...store.pointers,
      swap: async (key, expected, bytes) => {
        const answer = await store.pointers.swap(key, expected, bytes);
        if (isLost(key)) throw createFault(key);
        return answer;
      },
    },
    describe: () => store.describe(),
    close: () => store.close(),
  };
}
