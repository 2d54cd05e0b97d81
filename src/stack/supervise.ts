import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readProcessIdentity } from "../process/process-identity.js";
import { endGroup, resolvePidPath, signalGroup, writePidFile } from "./leftovers.js";
import { LogFile } from "./log-file.js";

export interface ChildSpec {
  /** Used for the log, the pid file and messages. */
  name: string;
  command: string;
  args: readonly string[];
  /** The whole environment of the child; nothing is inherited. */
  env: Readonly<Record<string, string>>;
  uid?: number;
  gid?: number;
  cwd?: string;
  /** The signal that asks it to stop; SIGTERM by default. */
  stopSignal?: NodeJS.Signals;
  /** How long it may take to stop before it is killed; 10 s by default. */
  stopGraceMs?: number;
  /** Called repeatedly until it returns true. A thrown error counts as "not yet". */
  isReady(child: SupervisedProcess): Promise<boolean> | boolean;
  readyTimeoutMs?: number;
}

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface SupervisedProcess {
  readonly name: string;
  readonly pid: number;
  readonly stopSignal: NodeJS.Signals;
  readonly log: LogFile;
  /** Settles when the process has ended, for any reason. Never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Returns how it ended, or `undefined` while it runs. */
  findExit(): ProcessExit | undefined;
  /** Sends a signal to its whole process group. */
  kill(signal: NodeJS.Signals): void;
  /** Asks it to stop, kills it after a grace period, and returns when it has ended. */
  stop(): Promise<void>;
}

/**
 * A child ended while it started or did not become ready. The message ends with its last log lines; `isPortInUse` tells that its port was
 * taken.
 */
export class StartError extends Error {
  readonly isPortInUse: boolean;
  constructor(name: string, what: string, log: LogFile, cause?: unknown) {
    const tail = log.readTail();
    super(`${name} ${what}. The end of ${log.path}:\n${tail === "" ? "(empty)" : tail}`, { cause });
    this.isPortInUse = /address already in use|EADDRINUSE|port is already in use/i.test(tail);
  }
}

/** Starts children, each in its own process group with a log and a pid file, and ends them in reverse order. */
export class Supervisor {
  readonly #running: SupervisedProcess[] = [];
  readonly #onExit = (): void => {
    for (const child of this.#running) child.kill(child.stopSignal);
  };

  constructor(readonly dataDir: string) {
    // The last resort if this process exits without calling stop().
    process.once("exit", this.#onExit);
  }

  get processes(): readonly SupervisedProcess[] {
    return this.#running;
  }

  /** Starts a child and returns when it is ready. Throws a StartError, after ending the child, if it never becomes ready. */
  async start(spec: ChildSpec): Promise<SupervisedProcess> {
    const child = await this.#spawn(spec);
    try {
      await waitUntilReady(spec, child);
    } catch (error) {
      await child.stop();
      throw error;
    }
    return child;
  }

  /** Ends every child, the latest first. Tries all of them, then throws the first failure. */
  async stop(): Promise<void> {
    const failures: unknown[] = [];
    for (const child of [...this.#running].reverse()) await child.stop().catch((error: unknown) => failures.push(error));
    process.removeListener("exit", this.#onExit);
    if (failures.length > 0) throw failures[0];
  }

  async #spawn(spec: ChildSpec): Promise<SupervisedProcess> {
    const log = LogFile.open(join(this.dataDir, "logs", `${spec.name}.log`));
    const { uid, gid, cwd } = spec;
    const child = spawn(spec.command, spec.args, {
      env: spec.env,
      detached: true,
      stdio: ["ignore", log.descriptor, log.descriptor],
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      ...(cwd === undefined ? {} : { cwd }),
    });
    const pid = await waitForSpawn(child, spec);
    let ended: ProcessExit | undefined;
    const stopSignal = spec.stopSignal ?? "SIGTERM";
    const exited = new Promise<ProcessExit>((resolve) => {
      child.once("exit", (code, signal) => {
        ended = { code, signal };
        this.#running.splice(this.#running.indexOf(supervised), 1);
        rmSync(resolvePidPath(this.dataDir, spec.name), { force: true });
        resolve(ended);
      });
    });
    const supervised: SupervisedProcess = {
      name: spec.name,
      pid,
      stopSignal,
      log,
      exited,
      findExit: () => ended,
      kill: (signal) => signalGroup(pid, signal),
      stop: async () => {
        if (!ended) await endGroup(pid, stopSignal, () => ended !== undefined, spec.stopGraceMs);
      },
    };
    this.#running.push(supervised);
    const identity = await readProcessIdentity(pid);
    if (identity !== undefined && !ended) await writePidFile(this.dataDir, { name: spec.name, pid, identity, stop_signal: stopSignal });
    return supervised;
  }
}

function waitForSpawn(child: ChildProcess, spec: ChildSpec): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`${spec.name}: ${spec.command} cannot be started`, { cause: error })));
    child.once("spawn", () => resolve(child.pid as number));
  });
}

async function waitUntilReady(spec: ChildSpec, child: SupervisedProcess): Promise<void> {
  const timeoutMs = spec.readyTimeoutMs ?? 60_000;
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  while (!child.findExit()) {
    try {
      if (await spec.isReady(child)) return;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      throw new StartError(spec.name, `was not ready after ${timeoutMs / 1_000} s`, child.log, lastError);
    }
    await sleep(25);
  }
  const { code, signal } = child.findExit() as ProcessExit;
  throw new StartError(spec.name, `ended while starting (${signal ?? `exit code ${code}`})`, child.log, lastError);
}
