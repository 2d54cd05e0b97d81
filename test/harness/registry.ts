import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { inject } from "vitest";
import { chooseUnusualPorts } from "../../scripts/unusual-ports.js";
import { createRegistryClient, type RegistryClient } from "../../src/client/http/registry-client.js";
import type { TenantSeed } from "../../src/lab256/identity/seed.js";
import { openPasskeyFile, type PasskeyFile } from "../../src/passkey/file.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import type { Founded } from "../../src/stack/founding/founding.js";
import type { FoundedActor } from "../../src/stack/founding/people.js";
import { type RegistrySeed, type RunningRegistry, startRegistryOn } from "../../src/stack/registry/registry.js";
import type { RegistryProcess } from "../../src/stack/registry/registry-process.js";
import { searchAttributeTypes } from "../../src/stack/servers/search-attributes.js";
import type { ObjectStoreServer } from "../../src/stack/servers/servers.js";
import { Supervisor } from "../../src/stack/supervise.js";
import { openStore } from "../../src/storage/open.js";
import type { ObjectStore } from "../../src/storage/ports.js";
import { bucketPrefix } from "./buckets.js";
import { createDatabase } from "./database.js";
import { createNamespace } from "./namespace.js";

export interface TestRegistryOptions {
  /** Makes the registry recognisable; one test file, one name. */
  readonly name: string;
  /** The bytes of the policy of every tenant; the default policy when absent (`replacePolicyData` makes others). */
  readonly policy?: Uint8Array;
  /** The tenants; those of the demo when absent. */
  readonly tenants?: readonly TenantSeed[];
  /** Where its infra registry is, as `OGR_INFRA` says it; `none` when absent. */
  readonly infra?: string;
  /** A Postgres database to use; a fresh one of the run's server when absent. */
  readonly database_url?: string;
  /** How many processes of a kind run; one of each when absent. */
  readonly replicas?: NonNullable<RegistrySeed["replicas"]>;
}

/** A whole registry of one test file, on the servers of the run: a database, a namespace, buckets and a data folder of its own. */
export interface TestRegistry {
  readonly url: string;
  readonly data_dir: string;
  readonly temporal: { readonly address: string; readonly namespace: string };
  readonly database_url: string;
  readonly founded: Founded;
  /** The three processes, which can be killed and started again: `await registry.lab512.kill()`, `.start({ entry })`. */
  readonly api: RegistryProcess;
  readonly lab256: RegistryProcess;
  readonly lab512: RegistryProcess;
  /** Every process of each kind, and the address of every api. */
  readonly replicas: RunningRegistry["replicas"];
  readonly urls: readonly string[];
  /** The object store with root credentials. */
  readonly store: ObjectStore;
  /** An actor by the last part of its id (`bob`), of `T.UBL` when no tenant is given. */
  actor(name: string, tenant?: string): FoundedActor;
  /** The api as this actor sees it. */
  as(name: string, tenant?: string): RegistryClient;
  /** The software passkeys of this actor. */
  passkeys(name: string): PasskeyFile;
  /** Ends everything and removes what was made. */
  stop(): Promise<void>;
}

/** Starts a registry of its own for one test file, with its api and workers as real processes. */
export async function startTestRegistry({
  name,
  policy,
  tenants,
  replicas,
  infra,
  database_url,
}: TestRegistryOptions): Promise<TestRegistry> {
  const servers = inject("servers");
  const bucket_prefix = bucketPrefix(name);
  const data_dir = join(servers.data_dir, "registries", bucket_prefix.slice(0, -1));
  await mkdir(data_dir, { recursive: true });
  const [database, temporal_namespace] = await Promise.all([
    database_url === undefined ? createDatabase(name) : { url: database_url, drop: async () => undefined },
    createNamespace(bucket_prefix.slice(0, -1), searchAttributeTypes),
    chooseUnusualPorts(data_dir),
  ]);
  const supervisor = new Supervisor(data_dir);
  const { temporal_address, temporal_ui_url, s3 } = servers;
  const object_store: ObjectStoreServer = s3 === undefined ? { kind: "directory", path: join(data_dir, "objects") } : { kind: "s3", ...s3 };
  const place = {
    data_dir,
    temporal_address,
    temporal_ui_url,
    temporal_namespace,
    database_url: database.url,
    object_store,
    bucket_prefix,
    supervisor,
    ...(servers.built === undefined ? {} : { built: servers.built }),
  };
  const running = await startRegistryOn(place, {
    ...(policy === undefined ? {} : { policy }),
    ...(tenants === undefined ? {} : { tenants }),
    ...(replicas === undefined ? {} : { replicas }),
    ...(infra === undefined ? {} : { infra }),
  }).catch(async (error: unknown) => {
    await database.drop();
    throw error;
  });
  const store = await openStore(running.founded.root_store);
  return {
    ...views(running, store, data_dir),
    async stop() {
      await running.stop();
      await supervisor.stop();
      await store.close();
      await database.drop();
      await rm(data_dir, { recursive: true, force: true });
    },
  };
}

function views(running: RunningRegistry, store: ObjectStore, data_dir: string): Omit<TestRegistry, "stop"> {
  const { api_url: url, founded, place, processes } = running;
  const actor = (name: string, tenant = DEMO_TENANT): FoundedActor => {
    const found = founded.actors.find((one) => one.tenant_id === tenant && one.actor_id.split(":").at(-1) === name);
    if (found === undefined)
      throw new Error(`${tenant} has no actor ${name}; it has ${founded.actors.map((one) => one.actor_id).join(", ")}`);
    return found;
  };
  return {
    url,
    data_dir,
    temporal: { address: place.temporal_address, namespace: place.temporal_namespace },
    database_url: place.database_url,
    founded,
    ...processes,
    replicas: running.replicas,
    urls: running.api_urls,
    store,
    actor,
    as: (name, tenant) => {
      const { token, tenant_id, actor_id } = actor(name, tenant);
      return createRegistryClient({ server: url, token }, { tenant_id, actor_id });
    },
    passkeys: (name) => openPasskeyFile(join(data_dir, "people", name, "passkey.json")),
  };
}
