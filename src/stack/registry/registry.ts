import { join, resolve } from "node:path";
import type { TenantSeed } from "../../lab256/identity/seed.js";
import { demoTenants } from "../founding/demo-tenants.js";
import { type Founded, foundRegistry } from "../founding/founding.js";
import type { Log } from "../progress.js";
import { choosePorts } from "../servers/ports.js";
import { searchAttributeTypes } from "../servers/search-attributes.js";
import { type ObjectStoreServer, type Servers, startServers } from "../servers/servers.js";
import { StartError, type Supervisor } from "../supervise.js";
import { buildRegistryEnvironment, buildReplicaEnvironment, toRpOrigin } from "./environment.js";
import { REGISTRY_PROCESSES, RegistryProcess, type RegistryProcessName } from "./registry-process.js";

/** What a registry founds itself with: development tenants, the default policy and one process of each kind when absent. */
export interface RegistrySeed {
  readonly tenants?: readonly TenantSeed[];
  readonly policy?: Uint8Array;
  /** Where its infra registry is, as `OGR_INFRA` says it; it keeps `none` when absent here, and tells its processes so. */
  readonly infra?: string;
  /** How many processes of a kind run beside each other. */
  readonly replicas?: Readonly<Partial<Record<RegistryProcessName, number>>>;
}

export interface RegistryOptions extends RegistrySeed {
  /** Holds all state. One run at a time uses it. */
  readonly dataDir: string;
  readonly log: Log;
  /** Answers the database to use, given the one that the servers bring; that one when absent. */
  chooseDatabase?(serverUrl: string): Promise<string>;
  /** As in RegistryPlace. */
  readonly built?: string;
}

/** Servers that serve already, and which part of them a registry may take. */
export interface RegistryPlace {
  readonly dataDir: string;
  readonly temporalAddress: string;
  readonly temporalUiUrl: string;
  /** Knows the search attributes of {@link searchAttributeTypes}. */
  readonly temporalNamespace: string;
  readonly databaseUrl: string;
  readonly objectStore: ObjectStoreServer;
  readonly bucketPrefix: string;
  readonly supervisor: Supervisor;
  /** Where the built modules of the processes lie; without it they run from the sources beside this file. */
  readonly built?: string;
}

/** A registry whose processes serve. */
export interface RunningRegistry {
  readonly apiUrl: string;
  /** The address of every api, the first one first. */
  readonly apiUrls: readonly string[];
  /** The origin and the relying party's id of its passkeys. */
  readonly rp: { readonly id: string; readonly origin: string };
  readonly place: RegistryPlace;
  readonly founded: Founded;
  /** The first process of each kind. */
  readonly processes: Readonly<Record<RegistryProcessName, RegistryProcess>>;
  /** Every process of each kind, the first one first: `api`, `api-2`, … */
  readonly replicas: Readonly<Record<RegistryProcessName, readonly RegistryProcess[]>>;
  /** Ends everything that was started with it. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Brings up the servers, founds the registry and starts its processes; returns when the api and both workers serve. Everything is ended
 * again when one of them cannot be had.
 */
export async function startRegistry(options: RegistryOptions): Promise<RunningRegistry & { readonly servers: Servers }> {
  const { log } = options;
  const dataDir = resolve(options.dataDir);
  const servers = await startServers({ dataDir, log, searchAttributes: searchAttributeTypes });
  try {
    const { temporal, objectStore, supervisor } = servers;
    const databaseUrl = options.chooseDatabase === undefined ? servers.databaseUrl : await options.chooseDatabase(servers.databaseUrl);
    const running = await startRegistryOn(
      {
        dataDir,
        temporalAddress: temporal.address,
        temporalUiUrl: temporal.uiUrl,
        temporalNamespace: temporal.namespace,
        databaseUrl,
        objectStore,
        bucketPrefix: "",
        supervisor,
        ...(options.built === undefined ? {} : { built: options.built }),
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
      return await startRegistryOnce(place, seed);
    } catch (error) {
      if (!(error instanceof StartError) || !error.isPortInUse || tries === PORT_TRIES_MAX) throw error;
    }
  }
}

async function startRegistryOnce(place: RegistryPlace, seed: RegistrySeed): Promise<RunningRegistry> {
  const { dataDir, supervisor } = place;
  const founding = foundRegistry({
    ...place,
    tenants: seed.tenants ?? demoTenants,
    ...(seed.policy === undefined ? {} : { policy: seed.policy }),
  });
  const countReplicas = (name: RegistryProcessName): number => seed.replicas?.[name] ?? 1;
  const further = Array.from({ length: countReplicas("api") - 1 }, (_, n) => `api-${n + 2}` as const);
  const [founded, ports] = await Promise.all([founding, choosePorts(dataDir, ["api", ...further])]);
  const apiPorts = Object.values(ports);
  const environment = buildRegistryEnvironment(founded, { ...place, apiPort: ports.api, infra: seed.infra ?? "none" });
  const buildReplicas = (name: RegistryProcessName, module: string): [RegistryProcess, ...RegistryProcess[]] => {
    const entry = place.built === undefined ? module : join(place.built, `${module}.js`);
    const buildProcess = (n: number): RegistryProcess => {
      const env = { ...environment[name], ...buildReplicaEnvironment(name, n, { dataDir, apiPorts }) };
      return new RegistryProcess(supervisor, { name: n === 1 ? name : `${name}-${n}`, entry, env });
    };
    return [buildProcess(1), ...Array.from({ length: countReplicas(name) - 1 }, (_, n) => buildProcess(n + 2))];
  };
  const replicas = {
    api: buildReplicas("api", "api/main"),
    lab256: buildReplicas("lab256", "worker/lab256.main"),
    lab512: buildReplicas("lab512", "worker/lab512.main"),
  };
  const stop = await startAllProcesses(REGISTRY_PROCESSES.flatMap((name) => replicas[name]));
  const processes = { api: replicas.api[0], lab256: replicas.lab256[0], lab512: replicas.lab512[0] };
  const apiUrls = apiPorts.map((port) => `http://127.0.0.1:${port}`);
  const rp = { id: "localhost", origin: toRpOrigin(ports.api) };
  return { apiUrl: `http://127.0.0.1:${ports.api}`, apiUrls, rp, place, founded, processes, replicas, stop };
}

/** Starts processes at once and answers how all of them are ended; ends them itself when one cannot be started. */
async function startAllProcesses(all: readonly RegistryProcess[]): Promise<() => Promise<void>> {
  const started = await Promise.allSettled(all.map((one) => one.start()));
  const stop = async (): Promise<void> => void (await Promise.all(all.map((one) => one.stop())));
  const failed = started.find((result) => result.status === "rejected");
  if (failed === undefined) return stop;
  await stop();
  throw failed.reason;
}
