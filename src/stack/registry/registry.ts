import { join, resolve } from "node:path";
import type { TenantSeed } from "../../lab256/identity/seed.js";
import { demoTenants } from "../founding/demo-tenants.js";
import { type Founded, foundRegistry } from "../founding/founding.js";
import type { Log } from "../progress.js";
import { choosePorts, retryOnTakenPort } from "../servers/ports.js";
import { type ObjectStoreServer, type Servers, startServers } from "../servers/servers.js";
import { searchAttributeNames } from "../servers/temporal-namespace.js";
import type { Supervisor } from "../supervise.js";
import { buildRegistryEnvironment, buildReplicaEnvironment, type RegistryEnvironmentOptions, toRpOrigin } from "./environment.js";
import { REGISTRY_PROCESSES, RegistryProcess, type RegistryProcessName } from "./registry-process.js";

/** What a registry is founded with. The defaults are the development tenants, the default policy and one process of each kind. */
export interface RegistrySeed {
  readonly tenants?: readonly TenantSeed[];
  readonly policy?: Uint8Array;
  /** Where the infra registry is, as a value of `OGR_INFRA`; `none` by default. */
  readonly infra?: string;
  /** The number of processes of each kind; 1 by default. */
  readonly replicas?: Readonly<Partial<Record<RegistryProcessName, number>>>;
  /** Further variables of each kind's processes, which replace those of the same name. */
  readonly variables?: Readonly<Partial<Record<RegistryProcessName, Readonly<Record<string, string>>>>>;
}

export interface RegistryOptions extends RegistrySeed {
  /** Holds all state. Only one run at a time can use it. */
  readonly dataDir: string;
  readonly log: Log;
  /** Returns the database to use, given the URL of the started server; by default that one. */
  chooseDatabase?(serverUrl: string): Promise<string>;
  /** As in RegistryPlace. */
  readonly built?: string;
}

/** Running servers, and the part of them that a registry uses. */
export interface RegistryPlace extends Omit<RegistryEnvironmentOptions, "apiPort" | "infra"> {
  readonly objectStore: ObjectStoreServer;
  readonly bucketPrefix: string;
  readonly supervisor: Supervisor;
  /** The folder of the processes' built modules; without it they run from source. */
  readonly built?: string;
}

/** A registry whose processes are ready. */
export interface RunningRegistry {
  readonly apiUrl: string;
  /** The address of every api, the first process first. */
  readonly apiUrls: readonly string[];
  /** The relying party of its passkeys. */
  readonly rp: { readonly id: string; readonly origin: string };
  readonly place: RegistryPlace;
  readonly founded: Founded;
  /** The first process of each kind. */
  readonly processes: Readonly<Record<RegistryProcessName, RegistryProcess>>;
  /** Every process of each kind, the first one first: `api`, `api-2`, … */
  readonly replicas: Readonly<Record<RegistryProcessName, readonly RegistryProcess[]>>;
  /** Ends everything that was started with it. Can be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts the servers, founds the registry and starts its processes. Returns when the api and both workers are ready. If one of them
 * cannot be started, everything is ended again.
 */
export async function startRegistry(options: RegistryOptions): Promise<RunningRegistry & { readonly servers: Servers }> {
  const { log } = options;
  const dataDir = resolve(options.dataDir);
  const servers = await startServers({ dataDir, log, searchAttributes: searchAttributeNames });
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

/** Founds a registry on running servers and starts its processes. `stop` ends the processes and leaves the servers running. */
export function startRegistryOn(place: RegistryPlace, seed: RegistrySeed): Promise<RunningRegistry> {
  return retryOnTakenPort(() => startRegistryOnce(place, seed));
}

async function startRegistryOnce(place: RegistryPlace, seed: RegistrySeed): Promise<RunningRegistry> {
  const { dataDir, supervisor } = place;
  const countReplicas = (name: RegistryProcessName): number => seed.replicas?.[name] ?? 1;
  const further = Array.from({ length: countReplicas("api") - 1 }, (_, n) => `api-${n + 2}` as const);
  const ports = await choosePorts(dataDir, ["api", ...further]);
  const rp = { id: "localhost", origin: toRpOrigin(ports.api) };
  const founded = await foundRegistry({
    ...place,
    tenants: seed.tenants ?? demoTenants,
    ...(seed.policy === undefined ? {} : { policy: seed.policy }),
    site: { id: rp.id, origins: [rp.origin] },
  });
  const apiPorts = Object.values(ports);
  const environment = buildRegistryEnvironment(founded, { ...place, apiPort: ports.api, infra: seed.infra ?? "none" });
  const buildReplicas = (name: RegistryProcessName, module: string): [RegistryProcess, ...RegistryProcess[]] => {
    const entry = place.built === undefined ? module : join(place.built, `${module}.js`);
    const buildProcess = (n: number): RegistryProcess => {
      const env = { ...environment[name], ...buildReplicaEnvironment(name, n, { dataDir, apiPorts }), ...seed.variables?.[name] };
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
  return { apiUrl: `http://127.0.0.1:${ports.api}`, apiUrls, rp, place, founded, processes, replicas, stop };
}

/** Starts the processes in parallel and returns a function that ends them all. Ends them itself if one cannot be started. */
async function startAllProcesses(all: readonly RegistryProcess[]): Promise<() => Promise<void>> {
  const started = await Promise.allSettled(all.map((one) => one.start()));
  const stop = async (): Promise<void> => void (await Promise.all(all.map((one) => one.stop())));
  const failed = started.find((result) => result.status === "rejected");
  if (failed === undefined) return stop;
  await stop();
  throw failed.reason;
}
