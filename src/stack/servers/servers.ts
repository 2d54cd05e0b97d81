import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { tryFolderLock } from "../../process/lock.js";
import { resolveOwnerLockPath } from "../data-folder.js";
import { ensureSecrets, type StackSecrets } from "../founding/secrets.js";
import { endLeftovers } from "../leftovers.js";
import type { Log } from "../progress.js";
import { stopOnExit } from "../shutdown.js";
import { type SupervisedProcess, Supervisor } from "../supervise.js";
import { obtainTool } from "../tools/obtain.js";
import { type S3Server, startMinio } from "./object-store.js";
import { choosePorts, type PortName, retryOnTakenPort, waitForFreePorts } from "./ports.js";
import { checkGivenPostgres, startPostgres } from "./postgres.js";
import { obtainTemporalTool, startTemporal, type TemporalServer } from "./temporal.js";

export interface ServersOptions {
  /** Holds all state, logs and pid files. Only one run at a time can use it. */
  dataDir: string;
  log: Log;
  /** `directory` never looks for an S3 server; `auto` falls back to a directory if there is none. */
  objectStore?: "auto" | "directory";
  /** The names of attributes to register in Temporal's `default` namespace. */
  searchAttributes?: readonly string[];
}

export type ObjectStoreServer = S3Server | { kind: "directory"; path: string };

export const SERVER_NAMES = ["temporal", "minio", "postgres"] as const;
/** A server, by the name of its process. */
export type ServerName = (typeof SERVER_NAMES)[number];

export interface Servers {
  temporal: TemporalServer;
  /** The Temporal command that runs the server. */
  temporalPath: string;
  objectStore: ObjectStoreServer;
  databaseUrl: string;
  /** Starts further processes, which end together with the servers. */
  supervisor: Supervisor;
  readonly processes: readonly SupervisedProcess[];
  /** Returns whether this server runs as a child of this process. */
  isRunning(name: ServerName): boolean;
  /** Ends a server with SIGKILL, whatever it is doing. */
  kill(name: ServerName): Promise<void>;
  /** Restarts a server that has ended, at the same address, and returns when it is ready. */
  restart(name: ServerName): Promise<void>;
  /** Ends everything, the latest started first. Can be called twice. */
  stop(): Promise<void>;
}

const PORTS: Readonly<Record<ServerName, readonly PortName[]>> = {
  temporal: ["temporal", "temporal_ui"],
  minio: ["object_store"],
  postgres: ["postgres"],
};

/**
 * Starts Temporal, the object store and Postgres in parallel, and returns when all three are ready. Also ends them on SIGINT, SIGTERM,
 * SIGHUP and an uncaught error. If one of them cannot be started, ends everything and throws.
 */
export async function startServers(options: ServersOptions): Promise<Servers> {
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true });
  const lock = await tryFolderLock(resolveOwnerLockPath(dataDir));
  if (!lock.isHeld) {
    throw new Error(`process ${lock.holder.pid} already uses ${dataDir}: stop it first, or choose another data folder`);
  }
  const supervisor = new Supervisor(dataDir);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= supervisor.stop().finally(() => {
      removeHandlers();
      return lock.release();
    });
    return stopping;
  };
  const removeHandlers = stopOnExit(stop, options.log);
  try {
    await endLeftovers(dataDir, options.log);
    const secrets = await ensureSecrets(dataDir);
    const started = await startAllServers(supervisor, secrets, options);
    return { ...started, supervisor, stop, processes: supervisor.processes, ...buildServerHandles(supervisor, secrets, options) };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Finds servers by name, because a restarted server is another process under the same name, at the same address. */
function buildServerHandles(
  supervisor: Supervisor,
  secrets: StackSecrets,
  options: ServersOptions,
): Pick<Servers, "isRunning" | "kill" | "restart"> {
  const starts: Record<ServerName, () => Promise<unknown>> = {
    temporal: () => provideTemporal(supervisor, options),
    minio: () => provideObjectStore(supervisor, secrets, options),
    postgres: () => providePostgres(supervisor, secrets, options),
  };
  const findProcess = (name: ServerName) => supervisor.processes.find((process) => process.name === name);
  return {
    isRunning: (name) => findProcess(name) !== undefined,
    async kill(name) {
      const process = findProcess(name);
      if (process === undefined) throw new Error(`${name} does not run as a child of this process`);
      process.kill("SIGKILL");
      await process.exited;
    },
    async restart(name) {
      if (findProcess(name) !== undefined) return;
      await waitForFreePorts(supervisor.dataDir, PORTS[name]);
      await starts[name]();
    },
  };
}

type Started = Pick<Servers, "temporal" | "temporalPath" | "objectStore" | "databaseUrl">;

async function startAllServers(supervisor: Supervisor, secrets: StackSecrets, options: ServersOptions): Promise<Started> {
  const [temporal, objectStore, databaseUrl] = await waitForAllOrThrow([
    provideTemporal(supervisor, options),
    provideObjectStore(supervisor, secrets, options),
    providePostgres(supervisor, secrets, options),
  ] as const);
  return { ...temporal, objectStore, databaseUrl };
}

async function provideTemporal(supervisor: Supervisor, options: ServersOptions): Promise<Pick<Started, "temporal" | "temporalPath">> {
  const temporalPath = await obtainTemporalTool(options.log);
  const temporal = await retryOnTakenPort(async () => {
    const ports = await choosePorts(supervisor.dataDir, ["temporal", "temporal_ui"]);
    return startTemporal(supervisor, temporalPath, ports, options.searchAttributes ?? []);
  });
  return { temporal, temporalPath };
}

async function provideObjectStore(
  supervisor: Supervisor,
  secrets: StackSecrets,
  { log, objectStore = "auto" }: ServersOptions,
): Promise<ObjectStoreServer> {
  const directory = { kind: "directory", path: join(supervisor.dataDir, "objects") } as const;
  await mkdir(directory.path, { recursive: true });
  if (objectStore === "directory") return directory;
  const tool = await obtainTool("minio", { log });
  if (!tool.found) {
    log(`no S3 server is available (${tool.reasons.join("; ")}): objects are stored in the folder ${directory.path}`);
    return directory;
  }
  return retryOnTakenPort(async () => {
    const ports = await choosePorts(supervisor.dataDir, ["object_store"]);
    return startMinio(supervisor, tool.path, ports.object_store, secrets);
  });
}

async function providePostgres(supervisor: Supervisor, secrets: StackSecrets, { log }: ServersOptions): Promise<string> {
  const given = process.env.DATABASE_URL;
  if (given) return checkGivenPostgres(given);
  return retryOnTakenPort(async () => {
    const ports = await choosePorts(supervisor.dataDir, ["postgres"]);
    return startPostgres(supervisor, ports.postgres, secrets, log);
  });
}

/** Waits for all of them even after a failure, so that nothing is still starting while the rest is ended. */
async function waitForAllOrThrow<T extends readonly unknown[]>(work: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const settled = await Promise.allSettled(work);
  const failed = settled.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
  return settled.map((result) => (result as PromiseFulfilledResult<unknown>).value) as unknown as T;
}
