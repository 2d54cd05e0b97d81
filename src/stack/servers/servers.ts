import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { tryFolderLock } from "../../process/lock.js";
import { ownerLockPath } from "../data-folder.js";
import { type StackSecrets, stackSecrets } from "../founding/secrets.js";
import { endLeftovers } from "../leftovers.js";
import type { Log } from "../progress.js";
import { stopAtEnd } from "../shutdown.js";
import { StartError, type SupervisedProcess, Supervisor } from "../supervise.js";
import { obtainTool } from "../tools/obtain.js";
import { type S3Server, startMinio } from "./object-store.js";
import { choosePorts, freedPorts, type PortName } from "./ports.js";
import { startPostgres, useGivenPostgres } from "./postgres.js";
import { startTemporal, type TemporalServer, temporalTool } from "./temporal.js";
import type { SearchAttributeTypes } from "./temporal-namespace.js";

export interface ServersOptions {
  /** Holds all state, logs and pid files. One run at a time uses it. */
  data_dir: string;
  log: Log;
  /** `directory` never looks for an S3 server; `auto` falls back to it when none can be had. */
  object_store?: "auto" | "directory";
  /** Registered in Temporal's `default` namespace. */
  search_attributes?: SearchAttributeTypes;
}

export type ObjectStoreServer = S3Server | { kind: "directory"; path: string };

export const SERVER_NAMES = ["temporal", "minio", "postgres"] as const;
/** A server by the name of its process. */
export type ServerName = (typeof SERVER_NAMES)[number];

export interface Servers {
  temporal: TemporalServer;
  /** The Temporal command that runs the server. */
  temporal_path: string;
  object_store: ObjectStoreServer;
  database_url: string;
  /** Starts and ends further processes together with the servers. */
  supervisor: Supervisor;
  readonly processes: readonly SupervisedProcess[];
  /** Whether this server runs, as a process of ours. */
  runs(name: ServerName): boolean;
  /** Ends a server with SIGKILL, in the middle of whatever it does. */
  kill(name: ServerName): Promise<void>;
  /** Starts a server again that has ended, where it was, and returns when it serves. */
  revive(name: ServerName): Promise<void>;
  /** Ends everything, the latest started first. May be called twice. */
  stop(): Promise<void>;
}

const portAttempts = 3;
const PORTS: Readonly<Record<ServerName, readonly PortName[]>> = {
  temporal: ["temporal", "temporal_ui"],
  minio: ["object_store"],
  postgres: ["postgres"],
};

/**
 * Brings up Temporal, the object store and Postgres, in parallel, and returns when all three serve. Also ends them on
 * SIGINT, SIGTERM, SIGHUP and an escaped error. Throws, with everything ended, when one of them cannot be had.
 */
export async function startServers(options: ServersOptions): Promise<Servers> {
  const data_dir = resolve(options.data_dir);
  await mkdir(data_dir, { recursive: true });
  const lock = await tryFolderLock(ownerLockPath(data_dir));
  if (!lock.isHeld) {
    throw new Error(`process ${lock.holder.pid} already runs on ${data_dir}: stop it first, or choose another data folder`);
  }
  const supervisor = new Supervisor(data_dir);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= supervisor.stop().finally(() => {
      forget();
      return lock.release();
    });
    return stopping;
  };
  const forget = stopAtEnd(stop, options.log);
  try {
    await endLeftovers(data_dir, options.log);
    const secrets = await stackSecrets(data_dir);
    const started = await startAll(supervisor, secrets, options);
    return { ...started, supervisor, stop, processes: supervisor.processes, ...handles(supervisor, secrets, options) };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** By name: a server that was started again is another process under the same name, at the same address. */
function handles(supervisor: Supervisor, secrets: StackSecrets, options: ServersOptions): Pick<Servers, "runs" | "kill" | "revive"> {
  const starts: Record<ServerName, () => Promise<unknown>> = {
    temporal: () => bringTemporal(supervisor, options),
    minio: () => bringObjectStore(supervisor, secrets, options),
    postgres: () => bringPostgres(supervisor, secrets, options),
  };
  const find = (name: ServerName) => supervisor.processes.find((process) => process.name === name);
  return {
    runs: (name) => find(name) !== undefined,
    async kill(name) {
      const process = find(name);
      if (process === undefined) throw new Error(`${name} does not run as a process of ours`);
      process.kill("SIGKILL");
      await process.exited;
    },
    async revive(name) {
      if (find(name) !== undefined) return;
      await freedPorts(supervisor.data_dir, PORTS[name]);
      await starts[name]();
    },
  };
}

type Started = Pick<Servers, "temporal" | "temporal_path" | "object_store" | "database_url">;

async function startAll(supervisor: Supervisor, secrets: StackSecrets, options: ServersOptions): Promise<Started> {
  const [temporal, object_store, database_url] = await allOrFirstError([
    bringTemporal(supervisor, options),
    bringObjectStore(supervisor, secrets, options),
    bringPostgres(supervisor, secrets, options),
  ] as const);
  return { ...temporal, object_store, database_url };
}

async function bringTemporal(supervisor: Supervisor, options: ServersOptions): Promise<Pick<Started, "temporal" | "temporal_path">> {
  const temporal_path = await temporalTool(options.log);
  const temporal = await retryOnTakenPort(async () => {
    const ports = await choosePorts(supervisor.data_dir, ["temporal", "temporal_ui"]);
    return startTemporal(supervisor, temporal_path, ports, options.search_attributes ?? {});
  });
  return { temporal, temporal_path };
}

async function bringObjectStore(
  supervisor: Supervisor,
  secrets: StackSecrets,
  { log, object_store = "auto" }: ServersOptions,
): Promise<ObjectStoreServer> {
  const directory = { kind: "directory", path: join(supervisor.data_dir, "objects") } as const;
  await mkdir(directory.path, { recursive: true });
  if (object_store === "directory") return directory;
  const tool = await obtainTool("minio", { log });
  if (!tool.found) {
    log(`no S3 server can be had (${tool.reasons.join("; ")}): objects are kept in the folder ${directory.path}`);
    return directory;
  }
  return retryOnTakenPort(async () => {
    const ports = await choosePorts(supervisor.data_dir, ["object_store"]);
    return startMinio(supervisor, tool.path, ports.object_store, secrets);
  });
}

async function bringPostgres(supervisor: Supervisor, secrets: StackSecrets, { log }: ServersOptions): Promise<string> {
  const given = process.env.DATABASE_URL;
  if (given) return useGivenPostgres(given);
  return retryOnTakenPort(async () => {
    const ports = await choosePorts(supervisor.data_dir, ["postgres"]);
    return startPostgres(supervisor, ports.postgres, secrets, log);
  });
}

/** Between our look at a port and the server's bind another program may take it: choose again. */
async function retryOnTakenPort<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof StartError && error.in_use) || attempt >= portAttempts) throw error;
    }
  }
}

/** Waits for all, also after a failure, so that nothing is still being started while the rest is ended. */
async function allOrFirstError<T extends readonly unknown[]>(work: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const settled = await Promise.allSettled(work);
  const failed = settled.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
  return settled.map((result) => (result as PromiseFulfilledResult<unknown>).value) as unknown as T;
}
