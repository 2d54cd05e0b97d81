import { mkdir } from "node:fs/promises";
import type { TenantSeed } from "../../lab256/identity/seed.js";
import type { StoreConfig } from "../../storage/open.js";
import type { ObjectStoreServer } from "../servers/servers.js";
import { foundAllowlist, readSeededAllowances } from "./allowlist.js";
import { type ApprovalSite, foundCharters } from "./charter.js";
import { foundKeys, getOperator, type KeyFiles, type KeyFolders, resolveKeyFolders } from "./keys.js";
import { ensureActorTokens, type FoundedActor, foundPeople } from "./people.js";
import { readDefaultPolicy } from "./policy.js";
import { buildPlaneStoreEnvironment, buildRootStoreConfig, withRootStore } from "./store.js";

export interface FoundingOptions {
  /** Holds the actors' tokens. */
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly objectStore: ObjectStoreServer;
  /** The prefix of this registry's bucket names; empty when it has a server to itself. */
  readonly bucketPrefix?: string;
  /** The first is the operator's. */
  readonly tenants: readonly TenantSeed[];
  /** The bytes of the first policy of a tenant without a charter; the default policy when absent. */
  readonly policy?: Uint8Array;
  /** The relying party for approvals of a tenant without a charter; `localhost`, from terminals only, when absent. */
  readonly site?: ApprovalSite;
}

/** What a registry needs before its first process starts, wherever the processes run. */
export interface FoundedRecords {
  readonly keys: KeyFiles;
  readonly allowlist: string;
  readonly actors: readonly FoundedActor[];
  /** The first policy of the tenants that had no charter. */
  readonly policy_hash: string;
  /** Has root credentials: for mirrors and tests, never for a service. */
  readonly rootStore: StoreConfig;
}

/** A founded registry, whose processes can be started. */
export interface Founded extends FoundedRecords {
  /** The store's variables for the processes of each plane. */
  readonly storeEnvironment: Readonly<Record<"LAB_256" | "LAB_512", Record<string, string>>>;
}

/** Founds a registry on one machine: calls {@link foundRecords} and issues temporary credentials for both planes. */
export async function foundRegistry(options: FoundingOptions): Promise<Founded> {
  const { dataDir, objectStore, bucketPrefix = "" } = options;
  const [records, lab256, lab512] = await Promise.all([
    foundRecords({ ...options, folders: resolveKeyFolders(dataDir), allowlistDir: dataDir }),
    buildPlaneStoreEnvironment(objectStore, "LAB_256", bucketPrefix),
    buildPlaneStoreEnvironment(objectStore, "LAB_512", bucketPrefix),
  ]);
  return { ...records, storeEnvironment: { LAB_256: lab256, LAB_512: lab512 } };
}

/** Where the founded records are written. */
export interface RecordOptions extends FoundingOptions {
  readonly folders: KeyFolders;
  /** The folder in which the Runner finds its allowlist. */
  readonly allowlistDir: string;
}

/**
 * Creates everything that a registry needs before its first process starts: keys, the Runner's allowlist, buckets, the charter of each
 * tenant, and the migrated database with its tenants and actors. Keeps what exists, so it can be called at every start.
 *
 * @throws if a server does not respond or a file in the folders is damaged.
 */
export async function foundRecords(options: RecordOptions): Promise<FoundedRecords> {
  const { dataDir, databaseUrl, objectStore, bucketPrefix = "", tenants } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const names = tenants.map((tenant) => tenant.tenant_id);
  const rootStore = buildRootStoreConfig(objectStore, bucketPrefix);
  const [keys, allowlist, actors] = await Promise.all([
    foundKeys(options.folders, names),
    foundAllowlist(options.allowlistDir, names),
    ensureActorTokens(dataDir, tenants),
  ]);
  const policy = options.policy ?? (await readDefaultPolicy());
  const { foundingKeys, receiptKey } = keys;
  const policy_hash = await withRootStore(rootStore, async (store) => {
    const allowances = await readSeededAllowances(names);
    const founded = await foundCharters(store, tenants, { ...keys, allowances }, policy, options.site);
    await foundPeople(databaseUrl, tenants, { store, operator: getOperator(foundingKeys), actors, runnerKey: receiptKey.jwk });
    return founded;
  });
  return { keys: keys.files, allowlist, actors, policy_hash, rootStore };
}
