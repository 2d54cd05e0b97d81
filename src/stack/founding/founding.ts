import { mkdir } from "node:fs/promises";
import type { TenantSeed } from "../../lab256/identity/seed.js";
import type { StoreConfig } from "../../storage/open.js";
import type { ObjectStoreServer } from "../servers/servers.js";
import { foundAllowlist } from "./allowlist.js";
import { foundCharters } from "./charter.js";
import { foundKeys, type KeyFiles, type KeyFolders, resolveKeyFolders } from "./keys.js";
import { ensureActorTokens, type FoundedActor, foundPeople } from "./people.js";
import { readDefaultPolicy } from "./policy.js";
import { planeStoreEnvironment, rootStoreConfig, withRootStore } from "./store.js";

export interface FoundingOptions {
  /** Keeps the actors' tokens and what was published. */
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly objectStore: ObjectStoreServer;
  /** What the names of this registry's buckets begin with; empty when the server is its own. */
  readonly bucketPrefix?: string;
  readonly tenants: readonly TenantSeed[];
  /** The bytes of the first policy of a tenant that has no charter; the default policy when absent. */
  readonly policy?: Uint8Array;
}

/** What a registry has before its first process starts, wherever those run. */
export interface FoundedRecords {
  readonly keys: KeyFiles;
  readonly allowlist: string;
  readonly actors: readonly FoundedActor[];
  /** The first policy of the tenants that had no charter. */
  readonly policy_hash: string;
  /** Root credentials: for mirrors and tests, never for a service. */
  readonly rootStore: StoreConfig;
}

/** A registry whose processes can be started. */
export interface Founded extends FoundedRecords {
  /** What the processes of each plane are told about the store. */
  readonly storeEnvironment: Readonly<Record<"LAB_256" | "LAB_512", Record<string, string>>>;
}

/** Founds a registry of one machine: {@link foundRecords}, and temporary credentials for both planes. */
export async function foundRegistry(options: FoundingOptions): Promise<Founded> {
  const { dataDir, objectStore, bucketPrefix = "" } = options;
  const [records, lab256, lab512] = await Promise.all([
    foundRecords({ ...options, folders: resolveKeyFolders(dataDir), allowlistDir: dataDir }),
    planeStoreEnvironment(objectStore, "LAB_256", bucketPrefix),
    planeStoreEnvironment(objectStore, "LAB_512", bucketPrefix),
  ]);
  return { ...records, storeEnvironment: { LAB_256: lab256, LAB_512: lab512 } };
}

/** Where what is founded is put. */
export interface RecordOptions extends FoundingOptions {
  readonly folders: KeyFolders;
  /** Where the Runner finds its allowlist. */
  readonly allowlistDir: string;
}

/**
 * Makes all that a registry needs before its first process starts, and changes nothing that is there already: keys, the Runner's
 * allowlist, buckets, the charter of each tenant, the migrated database with its tenants and actors. Can be called again with
 * every start.
 *
 * @throws what the servers throw, and a sentence for each file of the folders that is damaged.
 */
export async function foundRecords(options: RecordOptions): Promise<FoundedRecords> {
  const { dataDir, databaseUrl, objectStore, bucketPrefix = "", tenants } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const names = tenants.map((tenant) => tenant.tenant_id);
  const rootStore = rootStoreConfig(objectStore, bucketPrefix);
  const [keys, allowlist, actors] = await Promise.all([
    foundKeys(options.folders, names),
    foundAllowlist(options.allowlistDir, names),
    ensureActorTokens(dataDir, tenants),
  ]);
  const policy = options.policy ?? (await readDefaultPolicy());
  const [policy_hash] = await Promise.all([
    withRootStore(rootStore, (store) => foundCharters(store, tenants, keys, policy)),
    foundPeople(databaseUrl, tenants, actors, keys.receiptKey.jwk),
  ]);
  return { keys: keys.files, allowlist, actors, policy_hash, rootStore };
}
