import { parseKey, parsePrefix } from "./key.js";
import { type ObjectStore, StorageFault } from "./ports.js";
import type { Space } from "./spaces.js";

/**
 * Returns a view of the store that is limited to one tenant: every key is `<space>/<tenantId>/<rest>`, and any other is a {@link
 * StorageFault} `denied` before the store is called. It enforces the Runner's `fs_scope` (ADR-002, contracts: Permit).
 */
export function scopeToTenant(store: ObjectStore, tenantId: string): ObjectStore {
  if (tenantId === "" || tenantId.includes("/"))
    throw new StorageFault("denied", "", `${JSON.stringify(tenantId)} cannot be a segment of a key, so it is not a tenant id.`);
  return guardStore(store, `${store.describe()}, tenant ${tenantId} only`, {
    read: (key) => assertTenantKey(key, parseKey(key).rest, tenantId),
    list: (prefix) => assertTenantKey(prefix, parsePrefix(prefix).rest, tenantId),
    create: (key) => assertTenantKey(key, parseKey(key).rest, tenantId),
    swap: (key) => assertTenantKey(key, parseKey(key).rest, tenantId),
  });
}

/**
 * Returns a view that reads below one prefix and writes nothing, for a process that needs one repository of a tenant that it does not
 * serve. Any other call is a {@link StorageFault} `denied` before the store is called.
 */
export function limitToReadsBelow(store: ObjectStore, prefix: string): ObjectStore {
  const assertBelowPrefix = (key: string): void => {
    if (!key.startsWith(`${prefix}/`)) throw new StorageFault("denied", key, `${JSON.stringify(key)} is outside of ${prefix}.`);
  };
  const refuseWrite = (key: string): void => {
    throw new StorageFault("denied", key, `${prefix} is read-only here, so ${key} cannot be written.`);
  };
  return guardStore(store, `${store.describe()}, read-only below ${prefix}`, {
    read: assertBelowPrefix,
    list: assertBelowPrefix,
    create: refuseWrite,
    swap: refuseWrite,
  });
}

/** Returns a view that writes nothing. Any write is a {@link StorageFault} `denied` before the store is called. */
export function limitToReads(store: ObjectStore): ObjectStore {
  const allowAnyKey = (): void => undefined;
  const refuseWrite = (key: string): void => {
    throw new StorageFault("denied", key, `${store.describe()} is read-only here, so ${key} cannot be written.`);
  };
  return guardStore(store, `${store.describe()}, read-only`, {
    read: allowAnyKey,
    list: allowAnyKey,
    create: refuseWrite,
    swap: refuseWrite,
  });
}

/**
 * Returns the view of LAB 256 (contracts: Planes): reads everywhere, creates only in `creatable`, and moves no pointer. Any other call is
 * a {@link StorageFault} `denied` before the store is called.
 */
export function limitToCreates(store: ObjectStore, creatable: readonly Space[]): ObjectStore {
  const allowAnyKey = (): void => undefined;
  return guardStore(store, `${store.describe()}, create-only on ${creatable.join(", ")}`, {
    read: allowAnyKey,
    list: allowAnyKey,
    create: (key) => {
      const { space } = parseKey(key);
      if (!creatable.includes(space)) throw new StorageFault("denied", key, `This process may not create objects in ${space}.`);
    },
    swap: (key) => {
      throw new StorageFault("denied", key, `This process may not replace objects such as ${key}.`);
    },
  });
}

/** Each check throws or lets the call pass. */
interface Checks {
  readonly read: (key: string) => void;
  readonly list: (prefix: string) => void;
  readonly create: (key: string) => void;
  readonly swap: (key: string) => void;
}

function guardStore(store: ObjectStore, description: string, checks: Checks): ObjectStore {
  const { blobs, pointers } = store;
  const checkThen = async <T>(check: (key: string) => void, key: string, act: () => Promise<T>): Promise<T> => {
    check(key);
    return act();
  };
  return {
    blobs: {
      get: (key) => checkThen(checks.read, key, () => blobs.get(key)),
      getToFile: (key, path) => checkThen(checks.read, key, () => blobs.getToFile(key, path)),
      stat: (key) => checkThen(checks.read, key, () => blobs.stat(key)),
      create: (key, bytes) => checkThen(checks.create, key, () => blobs.create(key, bytes)),
      createFromFile: (key, path) => checkThen(checks.create, key, () => blobs.createFromFile(key, path)),
      list: (prefix) => {
        checks.list(prefix);
        return blobs.list(prefix);
      },
    },
    pointers: {
      read: (key) => checkThen(checks.read, key, () => pointers.read(key)),
      swap: (key, expected, bytes) => checkThen(checks.swap, key, () => pointers.swap(key, expected, bytes)),
    },
    describe: () => description,
    close: () => store.close(),
  };
}

/** Includes the slash, so that `T.UBL` does not reach `T.UBL2` and `T.U` cannot be listed. */
function assertTenantKey(key: string, rest: string, tenantId: string): void {
  if (!rest.startsWith(`${tenantId}/`)) throw new StorageFault("denied", key, `${JSON.stringify(key)} is outside of tenant ${tenantId}.`);
}
