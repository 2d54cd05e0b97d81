import { resolve } from "node:path";
import type { TenantSeed } from "../identity/seed.js";
import { SEARCH_ATTRIBUTES } from "../workflows/search-attributes.js";
import { demoTenants } from "./demo-tenants.js";
import { type Founded, foundRegistry } from "./founding.js";
import { choosePorts } from "./ports.js";
import type { Log } from "./progress.js";
import { registryEnvironment, rpOrigin } from "./registry-environment.js";
import { REGISTRY_PROCESSES, RegistryProcess, type RegistryProcessName } from "./registry-process.js";
import { type ObjectStoreServer, type Servers, startServers } from "./servers.js";
import { StartError, type Supervisor } from "./supervise.js";
import type { SearchAttributeTypes } from "./temporal-namespace.js";

/** What a registry founds itself with: development tenants and the default policy when absent. */
export interface RegistrySeed {
  readonly tenants?: readonly TenantSeed[];
  readonly policy?: Uint8Array;
}

export interface RegistryOptions extends RegistrySeed {
  /** Holds all state. One run at a time uses it. */
  readonly data_dir: string;
  readonly log: Log;
  /** Answers the database to use, given the one that the servers bring; that one when absent. */
  database?(server_url: string): Promise<string>;
}

/** Servers that serve already, and which part of them a registry may take. */
export interface RegistryPlace {
  readonly data_dir: string;
  readonly temporal_address: string;
  readonly temporal_ui_url: string;
  /** Knows the search attributes of {@link searchAttributeTypes}. */
  readonly temporal_namespace: string;
  readonly database_url: string;
  readonly object_store: ObjectStoreServer;
  readonly bucket_prefix: string;
  readonly supervisor: Supervisor;
}

/** A registry whose three processes serve. */
export interface RunningRegistry {
  readonly api_url: string;
  /** The origin and the relying party's id of its passkeys. */
  readonly rp: { readonly id: string; readonly origin: string };
  readonly place: RegistryPlace;
  readonly founded: Founded;
  readonly processes: Readonly<Record<RegistryProcessName, RegistryProcess>>;
  /** Ends everything that was started with it. May be called twice. */
  stop(): Promise<void>;
}

/** The search attributes that the flows need, as Temporal indexes them. */
export const searchAttributeTypes: SearchAttributeTypes = Object.fromEntries(
  Object.values(SEARCH_ATTRIBUTES).map((attribute) => [attribute.name, "Keyword" as const]),
);

/**
 * Brings up the servers, founds the registry and starts its processes; returns when the api and both workers serve. Everything is ended
 * again when one of them cannot be had.
 */
export async function startRegistry(options: RegistryOptions): Promise<RunningRegistry & { readonly servers: Servers }> {
  const { log } = options;
  const data_dir = resolve(options.data_dir);
  const servers = await startServers({ data_dir, log, search_attributes: searchAttributeTypes });
  try {
    const { temporal, object_store, supervisor } = servers;
    const database_url = options.database === undefined ? servers.database_url : await options.database(servers.database_url);
    const running = await startRegistryOn(
      {
        data_dir,
        temporal_address: temporal.address,
        temporal_ui_url: temporal.ui_url,
        temporal_namespace: temporal.namespace,
        database_url,
        object_store,
        bucket_prefix: "",
        supervisor,
      },
      options,
    );
    return { ...running, servers, stop: servers.stop };
  } catch (error) {
    await servers.stop();
    throw error;
  }
}

/** How often a start chooses another port for the api because somebody took the chosen one first. */
const PORT_TRIES_MAX = 3;

/** Founds a registry on servers that serve already and starts its processes. `stop` ends those and leaves the servers. */
export async function startRegistryOn(place: RegistryPlace, seed: RegistrySeed): Promise<RunningRegistry> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await startOnce(place, seed);
    } catch (error) {
      if (!(error instanceof StartError) || !error.in_use || tries === PORT_TRIES_MAX) throw error;
    }
  }
}

async function startOnce(place: RegistryPlace, seed: RegistrySeed): Promise<RunningRegistry> {
  const { data_dir, supervisor } = place;
  const founding = foundRegistry({
    ...place,
    tenants: seed.tenants ?? demoTenants,
    ...(seed.policy === undefined ? {} : { policy: seed.policy }),
  });
  const [founded, { api: api_port }] = await Promise.all([founding, choosePorts(data_dir, ["api"])]);
  const environment = registryEnvironment(founded, { ...place, api_port });
  const process = (name: RegistryProcessName, entry: string) => new RegistryProcess(supervisor, { name, entry, env: environment[name] });
  const processes = {
    api: process("api", "api/main"),
    lab256: process("lab256", "worker/lab256.main"),
    lab512: process("lab512", "worker/lab512.main"),
  };
  const all = REGISTRY_PROCESSES.map((name) => processes[name]);
  const started = await Promise.allSettled(all.map((one) => one.start()));
  const failed = started.find((result) => result.status === "rejected");
  const stop = async (): Promise<void> => void (await Promise.all(all.map((one) => one.stop())));
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  const api_url = `http://127.0.0.1:${api_port}`;
  return { api_url, rp: { id: "localhost", origin: rpOrigin(api_port) }, place, founded, processes, stop };
}
