import { mkdir } from "node:fs/promises";
import type { TenantSeed } from "../identity/seed.js";
import type { StoreConfig } from "../storage/open.js";
import { foundAllowlist } from "./founding-allowlist.js";
import { foundKeys, type KeyFiles } from "./founding-keys.js";
import { actorsWithTokens, type FoundedActor, foundPeople } from "./founding-people.js";
import { defaultPolicy, foundPolicy } from "./founding-policy.js";
import { planeStoreEnvironment, rootStoreConfig, withRootStore } from "./founding-store.js";
import type { ObjectStoreServer } from "./servers.js";

export interface FoundingOptions {
  /** Keeps keys, tokens and the allowlist. */
  readonly data_dir: string;
  readonly database_url: string;
  readonly object_store: ObjectStoreServer;
  /** What the names of this registry's buckets begin with; empty when the server is its own. */
  readonly bucket_prefix?: string;
  readonly tenants: readonly TenantSeed[];
  /** The bytes of the policy to publish; the default policy when absent. */
  readonly policy?: Uint8Array;
}

/** A registry whose processes can be started. */
export interface Founded {
  readonly keys: KeyFiles;
  readonly allowlist: string;
  readonly actors: readonly FoundedActor[];
  readonly policy_hash: string;
  /** Root credentials: for mirrors and tests, never for a service. */
  readonly root_store: StoreConfig;
  /** What the processes of each plane are told about the store. */
  readonly store_environment: Readonly<Record<"LAB_256" | "LAB_512", Record<string, string>>>;
}

/**
 * Makes all that a registry needs before its first process starts, and changes nothing that is there already: keys, the Runner's
 * allowlist, buckets, the published policy of each tenant, the migrated database with its tenants and actors, the credentials of both
 * planes. Can be called again with every start.
 *
 * @throws what the servers throw, and a sentence for each file of the data folder that is damaged.
 */
export async function foundRegistry(options: FoundingOptions): Promise<Founded> {
  const { data_dir, database_url, object_store, bucket_prefix = "", tenants } = options;
  await mkdir(data_dir, { recursive: true, mode: 0o700 });
  const names = tenants.map((tenant) => tenant.tenant_id);
  const root_store = rootStoreConfig(object_store, bucket_prefix);
  const [keys, allowlist, actors] = await Promise.all([
    foundKeys(data_dir, names),
    foundAllowlist(data_dir, names),
    actorsWithTokens(data_dir, tenants),
  ]);
  const policy = options.policy ?? (await defaultPolicy());
  const [policy_hash, lab256, lab512] = await Promise.all([
    withRootStore(root_store, (store) => foundPolicy(store, data_dir, keys.foundingKeys, policy)),
    planeStoreEnvironment(object_store, "LAB_256", bucket_prefix),
    planeStoreEnvironment(object_store, "LAB_512", bucket_prefix),
    foundPeople(database_url, tenants, actors, keys.receiptKey.jwk),
  ]);
  return { keys: keys.files, allowlist, actors, policy_hash, root_store, store_environment: { LAB_256: lab256, LAB_512: lab512 } };
}
