import { type ObjectStore, StorageFault } from "../../../src/storage/ports.js";

export type Operation = "get" | "getToFile" | "stat" | "create" | "createFromFile" | "list" | "read" | "swap";

/** Run around every operation on a real store. The caller of the operation gets what a hook throws. */
export interface StoreHooks {
  before?(operation: Operation, key: string): Promise<void> | void;
  /** Runs when the operation has taken effect, before it returns. */
  after?(operation: Operation, key: string): Promise<void> | void;
}

/** Wraps `store` so that the hooks run before and after every operation. */
export function createHookedStore(store: ObjectStore, hooks: StoreHooks): ObjectStore {
  const runWithHooks = async <T>(operation: Operation, key: string, work: () => Promise<T>): Promise<T> => {
    await hooks.before?.(operation, key);
    const answer = await work();
    await hooks.after?.(operation, key);
    return answer;
  };
  const { blobs, pointers } = store;
  return {
    blobs: {
      get: (key) => runWithHooks("get", key, () => blobs.get(key)),
      getToFile: (key, path) => runWithHooks("getToFile", key, () => blobs.getToFile(key, path)),
      stat: (key) => runWithHooks("stat", key, () => blobs.stat(key)),
      create: (key, bytes) => runWithHooks("create", key, () => blobs.create(key, bytes)),
      createFromFile: (key, path) => runWithHooks("createFromFile", key, () => blobs.createFromFile(key, path)),
      async *list(prefix) {
        await hooks.before?.("list", prefix);
        yield* blobs.list(prefix);
      },
    },
    pointers: {
      read: (key) => runWithHooks("read", key, () => pointers.read(key)),
      swap: (key, expected, bytes) => runWithHooks("swap", key, () => pointers.swap(key, expected, bytes)),
    },
    describe: () => store.describe(),
    close: () => store.close(),
  };
}

export function isWrite(operation: Operation): boolean {
  return operation === "create" || operation === "createFromFile" || operation === "swap";
}

/** Runs `action` once, right before or right after the first operation that `matches`. */
export function hookOnce(
  when: "before" | "after",
  matches: (operation: Operation, key: string) => boolean,
  action: (key: string) => Promise<void> | void,
): StoreHooks & { readonly hasHappened: () => boolean } {
  let done = false;
  const hook = async (operation: Operation, key: string) => {
    if (done || !matches(operation, key)) return;
    done = true;
    await action(key);
  };
  return { [when]: hook, hasHappened: () => done };
}

/** Throws the fault of a write whose response was lost. */
export function throwResponseLost(key: string): never {
  throw new StorageFault("outcome_unknown", key, `Whether ${key} was written is unknown: read it back.`);
}

export function throwStoreDown(key: string): never {
  throw new StorageFault("unavailable", key, `${key} cannot be reached: try again when the store is well.`);
}
