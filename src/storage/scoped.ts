import { parseKey, parsePrefix } from "./key.js";
import { type ObjectStore, StorageFault } from "./ports.js";
import type { Space } from "./spaces.js";

/**
 * A view of the store that holds one tenant: every key is `<space>/<tenantId>/<rest>`, anything else is a
 * {@link StorageFault} `denied` before the store is asked. The Runner's `fs_scope` (ADR-002, contracts: Permit).
 */
export function scopeToTenant(store: ObjectStore, tenantId: string): ObjectStore {
  if (tenantId === "" || tenantId.includes("/"))
    throw new StorageFault("denied", "", `${JSON.stringify(tenantId)} cannot be a segment of a key, so it is no tenant.`);
  return guardStore(store, `${store.describe()}, tenant ${tenantId} only`, {
    read: (key) => assertTenantKey(key, parseKey(key).rest, tenantId),
    list: (prefix) => assertTenantKey(prefix, parsePrefix(prefix).rest, tenantId),
    create: (key) => assertTenantKey(key, parseKey(key).rest, tenantId),
    swap: (key) => assertTenantKey(key, parseKey(key).rest, tenantId),
  });
}

/**
 * A view that reads below one prefix and writes nothing, for a process that needs one repository of a tenant that it does not serve.
 * Everything else is a {@link StorageFault} `denied` before the store is asked.
 */
export function limitToReadsBelow(store: ObjectStore, prefix: string): ObjectStore {
  const assertBelowPrefix = (key: string): void => {
    if (!key.startsWith(`${prefix}/`)) throw new StorageFault("denied", key, `${JSON.stringify(key)} lies outside of ${prefix}.`);
  };
  const refuseWrite = (key: string): void => {
    throw new StorageFault("denied", key, `${prefix} is only read here, and ${key} would be written.`);
  };
  return guardStore(store, `${store.describe()}, read-only below ${prefix}`, {
    read: assertBelowPrefix,
    list: assertBelowPrefix,
    create: refuseWrite,
    swap: refuseWrite,
  });
}

/**
 * The view of LAB 256 (contracts: Planes): reads everywhere, creates only in `creatable`, moves no pointer anywhere.
 * Everything else is a {@link StorageFault} `denied` before the store is asked.
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
      throw new StorageFault("denied", key, `This process may not replace objects, and ${key} would be replaced.`);
    },
  });
}

/** Each check throws, or lets the call pass. */
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

/** The check includes the slash: `T.UBL` must not reach `T.UBL2`, and `T.U` must not be listed. */
function assertTenantKey(key: string, rest: string, tenantId: string): void {
  if (!rest.startsWith(`${tenantId}/`)) throw new StorageFault("denied", key, `${JSON.stringify(key)} lies outside of tenant ${tenantId}.`);
}
