import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";
import { buildBaseEnvironment } from "../../src/stack/environment.js";
import { foundAllowlist } from "../../src/stack/founding/allowlist.js";
import type { Founded } from "../../src/stack/founding/founding.js";
import { foundKeys, resolveKeyFolders } from "../../src/stack/founding/keys.js";
import { buildPlaneStoreEnvironment, buildRootStoreConfig } from "../../src/stack/founding/store.js";
import { buildRegistryEnvironment } from "../../src/stack/registry/environment.js";
import { buildNodeArguments } from "../../src/stack/registry/own-entry.js";
import type { ObjectStoreServer } from "../../src/stack/servers/servers.js";
import { ensureSpaces, type StoreConfig } from "../../src/storage/open.js";
import { createBucketPrefix, hasS3, requireS3Server } from "../harness/buckets.js";
import { createNamespace } from "../harness/namespace.js";

export const TENANT = "T.UBL";

/** What the Runner's process needs, and its environment in a registry. */
export interface Place {
  readonly folder: string;
  readonly bucketPrefix: string;
  readonly namespace: string;
  readonly rootStore: StoreConfig;
  readonly environment: Record<string, string>;
  readonly keys: Awaited<ReturnType<typeof foundKeys>>;
  close(): Promise<void>;
}

export async function openPlace(name: string): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "ogr-lab512-"));
  const bucketPrefix = hasS3() ? createBucketPrefix(name) : "";
  const server: ObjectStoreServer = hasS3() ? { kind: "s3", ...requireS3Server() } : { kind: "directory", path: join(folder, "store") };
  const rootStore = buildRootStoreConfig(server, bucketPrefix);
  await ensureSpaces(rootStore);
  const keys = await foundKeys(resolveKeyFolders(folder), [TENANT]);
  const allowlist = await foundAllowlist(folder, [TENANT]);
  const namespace = await createNamespace(name);
  const store = await buildPlaneStoreEnvironment(server, "LAB_512", bucketPrefix);
  const founded: Pick<Founded, "keys" | "allowlist" | "storeEnvironment"> = {
    keys: keys.files,
    allowlist,
    storeEnvironment: { LAB_256: {}, LAB_512: store },
  };
  const { lab512 } = buildRegistryEnvironment(founded as Founded, {
    dataDir: folder,
    temporalAddress: inject("servers").temporal_address,
    temporalNamespace: namespace,
    temporalUiUrl: "",
    databaseUrl: "",
    apiPort: 0,
    infra: "none",
  });
  return {
    folder,
    bucketPrefix,
    namespace,
    rootStore,
    environment: lab512,
    keys,
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

export interface RunnerProcess {
  readonly pid: number;
  /** What it announced when it was ready. */
  readonly announcement: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

export type WorkerName = "lab512" | "lab256";

/** Starts the process with only this environment and returns when it is ready. */
export async function startRunner(environment: Readonly<Record<string, string>>): Promise<RunnerProcess> {
  const child = spawnWorker(environment, "lab512");
  const { stdout } = child;
  if (stdout === null || child.pid === undefined) throw new Error("the process has no output");
  const ended = once(child, "exit").then(async () => Promise.reject(new Error("the Runner ended before it was ready")));
  const ready = (async () => {
    let text = "";
    for await (const chunk of stdout) {
      text += String(chunk);
      const line = text.split("\n").find((one) => one.startsWith('{"ready":true'));
      if (line !== undefined) return JSON.parse(line) as Record<string, unknown>;
    }
    return ended;
  })();
  const announcement = await Promise.race([ready, ended]);
  return {
    pid: child.pid,
    announcement,
    stop: async () => {
      ended.catch(() => undefined);
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

export interface FailedStart {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the process with an environment in which it must fail. Returns its exit code and output. */
export async function failToStart(environment: Readonly<Record<string, string>>, name: WorkerName = "lab512"): Promise<FailedStart> {
  const child = spawnWorker(environment, name);
  const said = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => {
    said.stdout += String(chunk);
    // Do not wait for a process that starts although it should fail.
    if (said.stdout.includes('"ready":true')) child.kill("SIGKILL");
  });
  child.stderr?.on("data", (chunk) => (said.stderr += String(chunk)));
  await once(child, "close");
  return { code: child.exitCode, ...said };
}

function spawnWorker(environment: Readonly<Record<string, string>>, name: WorkerName): ChildProcess {
  const { built = fileURLToPath(new URL("../../src", import.meta.url)) } = inject("servers");
  const entry = join(built, "worker", `${name}.main.js`);
  const env = { ...buildBaseEnvironment(), ...environment };
  return spawn(process.execPath, buildNodeArguments(entry), { env, stdio: ["ignore", "pipe", "pipe"] });
}

/** Writes a changed copy of a JSON file beside it. Returns the copy's path. */
export async function writeChangedJson(path: string, name: string, change: (value: never) => unknown): Promise<string> {
  const copy = `${path}.${name}`;
  await writeFile(copy, JSON.stringify(change(JSON.parse(await readFile(path, "utf8")) as never)));
  return copy;
}
