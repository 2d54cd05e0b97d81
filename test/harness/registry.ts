import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { inject } from "vitest";
import { chooseUnusualPorts } from "../../scripts/unusual-ports.js";
import { createRegistryClient, type RegistryClient } from "../../src/client/http/registry-client.js";
import type { TenantSeed } from "../../src/lab256/identity/seed.js";
import { openPasskeyFile, type PasskeyFile } from "../../src/passkey/file.js";
import { DEMO_TENANT, demoTenants } from "../../src/stack/founding/demo-tenants.js";
import { type Founded, foundRegistry } from "../../src/stack/founding/founding.js";
import type { FoundedActor } from "../../src/stack/founding/people.js";
import { buildRegistryEnvironment, toRpOrigin } from "../../src/stack/registry/environment.js";
import { type RegistryPlace, type RegistrySeed, type RunningRegistry, startRegistryOn } from "../../src/stack/registry/registry.js";
import { RegistryProcess } from "../../src/stack/registry/registry-process.js";
import { choosePorts } from "../../src/stack/servers/ports.js";
import type { ObjectStoreServer } from "../../src/stack/servers/servers.js";
import { searchAttributeNames } from "../../src/stack/servers/temporal-namespace.js";
import { Supervisor } from "../../src/stack/supervise.js";
import { openStore } from "../../src/storage/open.js";
import type { ObjectStore } from "../../src/storage/ports.js";
import { createBucketPrefix } from "./buckets.js";
import { createDatabase } from "./database.js";
import { createNamespace, deleteHousekeeping } from "./namespace.js";

interface SharedOptions {
  /** Helps to recognise the registry. Unique per test file. */
  readonly name: string;
  /** The bytes of every tenant's policy. Defaults to the default policy. */
  readonly policy?: Uint8Array;
  /** Defaults to the tenants of the demo. */
  readonly tenants?: readonly TenantSeed[];
  /** The value of `OGR_INFRA`. Defaults to `none`. */
  readonly infra?: string;
  /** Further variables of each kind's processes. They stay when a process is started again. */
  readonly variables?: NonNullable<RegistrySeed["variables"]>;
}

export interface TestRegistryOptions extends SharedOptions {
  /** Defaults to a new database on the run's server. */
  readonly databaseUrl?: string;
  /** The number of processes of each kind. Defaults to one. */
  readonly replicas?: NonNullable<RegistrySeed["replicas"]>;
}

/** A registry for one test file, on the servers of the run, with its own database, namespace, buckets and data folder. */
export interface ServedRegistry {
  readonly url: string;
  readonly dataDir: string;
  readonly temporal: { readonly address: string; readonly namespace: string };
  readonly databaseUrl: string;
  readonly founded: Founded;
  /** The Runner's process, which can be killed and restarted: `await registry.lab512.kill()`, `.start({ entry })`. */
  readonly lab512: RegistryProcess;
  /** The object store with root credentials. */
  readonly store: ObjectStore;
  /** Returns an actor by the last part of its id (`bob`). The tenant defaults to `T.UBL`. */
  getActor(name: string, tenant?: string): FoundedActor;
  /** Returns a client of the api for this actor. */
  as(name: string, tenant?: string): RegistryClient;
  /** Opens the software passkeys of this actor. */
  openPasskeys(name: string): PasskeyFile;
  /** Stops all processes and removes all data. */
  stop(): Promise<void>;
}

/** A registry whose api and LAB 256 are processes too, which can be killed and restarted. */
export interface TestRegistry extends ServedRegistry {
  readonly api: RegistryProcess;
  readonly lab256: RegistryProcess;
  /** The processes of each kind and the address of each api. */
  readonly replicas: RunningRegistry["replicas"];
  readonly urls: readonly string[];
}

/** Starts a registry whose api and workers are processes, for tests that kill or configure them. */
export async function startTestRegistry({ name, databaseUrl, ...seed }: TestRegistryOptions): Promise<TestRegistry> {
  const { place, remove } = await createPlace(name, databaseUrl);
  const running = await startRegistryOn(place, seed).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  const store = await openStore(running.founded.rootStore);
  return {
    ...createViews(running.founded, running.apiUrl, place),
    ...running.processes,
    replicas: running.replicas,
    urls: running.apiUrls,
    store,
    async stop() {
      await running.stop();
      await store.close();
      await remove();
    },
  };
}

/**
 * Starts a registry whose api and LAB 256 run in this process, which saves their start. Only the Runner is a process. A test must not
 * block this process (`execFileSync`) while it waits for the registry.
 */
export async function startRegistryInProcess({
  name,
  policy,
  tenants = demoTenants,
  infra = "none",
  variables = {},
}: SharedOptions): Promise<ServedRegistry> {
  const { place, remove } = await createPlace(name);
  const closing: (() => Promise<void>)[] = [remove];
  const stop = async (): Promise<void> => {
    for (const close of closing.reverse()) await close();
  };
  try {
    const { api: apiPort } = await choosePorts(place.dataDir, ["api"]);
    const site = { id: "localhost", origins: [toRpOrigin(apiPort)] };
    const [founded, { startApi }, { startLab256 }] = await Promise.all([
      foundRegistry({ ...place, tenants, site, ...(policy === undefined ? {} : { policy }) }),
      import("../../src/api/api.js"),
      import("../../src/worker/lab256.js"),
    ]);
    const environment = buildRegistryEnvironment(founded, { ...place, apiPort, infra });
    const entry = place.built === undefined ? "worker/lab512.main" : join(place.built, "worker/lab512.main.js");
    const lab512 = new RegistryProcess(place.supervisor, { name: "lab512", entry, env: { ...environment.lab512, ...variables.lab512 } });
    const quiet = { OGR_LOG_LEVEL: "error" };
    const store = await openStore(founded.rootStore);
    closing.push(() => store.close());
    const served = [
      startApi({ ...environment.api, ...quiet, ...variables.api }).then(({ close }) => void closing.push(close)),
      startLab256({ ...environment.lab256, ...quiet, ...variables.lab256 }).then(({ close }) => void closing.push(close)),
      lab512.start().then(() => void closing.push(() => lab512.stop())),
    ];
    const failed = (await Promise.allSettled(served)).find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    return { ...createViews(founded, `http://127.0.0.1:${apiPort}`, place), lab512, store, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Creates what a registry needs on the run's servers. `remove` removes it. */
async function createPlace(name: string, given?: string): Promise<{ place: RegistryPlace; remove(): Promise<void> }> {
  const { data_dir: root, temporal_address: temporalAddress, temporal_ui_url: temporalUiUrl, s3, built } = inject("servers");
  const bucketPrefix = createBucketPrefix(name);
  const unique = bucketPrefix.slice(0, -1);
  const dataDir = join(root, "registries", unique);
  await mkdir(dataDir, { recursive: true });
  const [database, temporalNamespace] = await Promise.all([
    given === undefined ? createDatabase(name) : { url: given, drop: async () => undefined },
    createNamespace(unique, searchAttributeNames),
    chooseUnusualPorts(dataDir),
  ]);
  const supervisor = new Supervisor(dataDir);
  const objectStore: ObjectStoreServer = s3 === undefined ? { kind: "directory", path: join(dataDir, "objects") } : { kind: "s3", ...s3 };
  const databaseUrl = database.url;
  return {
    place: {
      ...{ dataDir, temporalAddress, temporalUiUrl, temporalNamespace, databaseUrl, objectStore, bucketPrefix, supervisor },
      ...(built === undefined ? {} : { built }),
    },
    async remove() {
      await supervisor.stop();
      await deleteHousekeeping(temporalNamespace);
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function createViews(founded: Founded, url: string, place: RegistryPlace): Omit<ServedRegistry, "lab512" | "store" | "stop"> {
  const getActor = (name: string, tenant = DEMO_TENANT): FoundedActor => {
    const found = founded.actors.find((one) => one.tenant_id === tenant && one.actor_id.split(":").at(-1) === name);
    if (found === undefined)
      throw new Error(`${tenant} has no actor ${name}; it has ${founded.actors.map((one) => one.actor_id).join(", ")}`);
    return found;
  };
  return {
    url,
    dataDir: place.dataDir,
    temporal: { address: place.temporalAddress, namespace: place.temporalNamespace },
    databaseUrl: place.databaseUrl,
    founded,
    getActor,
    as: (name, tenant) => {
      const { token, tenant_id, actor_id } = getActor(name, tenant);
      return createRegistryClient({ server: url, token }, { tenant_id, actor_id });
    },
    openPasskeys: (name) => openPasskeyFile(join(place.dataDir, "people", name, "passkey.json")),
  };
}
