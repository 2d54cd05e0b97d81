import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseJson } from "../domain/json.js";
import { readProcessIdentity } from "../process/process-identity.js";
import { poll } from "./poll.js";
import type { Log } from "./progress.js";

/** The contents of a pid file: what is needed to recognise the process and to stop it gracefully. */
export interface PidRecord {
  name: string;
  pid: number;
  identity: string;
  stop_signal: NodeJS.Signals;
}

/** How long a process may take to stop when asked, and to disappear when killed. */
export const stopGraceMs = 10_000;

export function resolvePidPath(dataDir: string, name: string): string {
  return join(dataDir, "run", `${name}.pid.json`);
}

export async function writePidFile(dataDir: string, record: PidRecord): Promise<void> {
  await mkdir(join(dataDir, "run"), { recursive: true });
  await writeFile(resolvePidPath(dataDir, record.name), JSON.stringify(record), { mode: 0o600 });
}

/**
 * Ends the processes that a crashed run left behind in this data folder. A process whose start time differs from the recorded one has
 * reused the pid and is left alone. Returns the names of the processes that were ended.
 */
export async function endLeftovers(dataDir: string, log: Log): Promise<string[]> {
  const run = join(dataDir, "run");
  await mkdir(run, { recursive: true });
  const files = (await readdir(run)).filter((file) => file.endsWith(".pid.json"));
  const ended = await Promise.all(files.map((file) => endLeftover(join(run, file), log)));
  return ended.filter((name) => name !== undefined);
}

async function endLeftover(path: string, log: Log): Promise<string | undefined> {
  // A crash can leave a truncated file.
  const record = parseJson(await readFile(path, "utf8")) as PidRecord | undefined;
  const isOurs = record !== undefined && (await readProcessIdentity(record.pid)) === record.identity;
  if (isOurs) {
    log(`${record.name}: ending process ${record.pid}, left behind by a run that crashed`);
    await endGroup(record.pid, record.stop_signal, async () => (await readProcessIdentity(record.pid)) !== record.identity);
  }
  await rm(path, { force: true });
  return isOurs ? record.name : undefined;
}

/** Sends a process group `signal`, waits for it to end, and kills what is still running after `graceMs`. */
export async function endGroup(
  pid: number,
  signal: NodeJS.Signals,
  hasEnded: () => Promise<boolean> | boolean,
  graceMs = stopGraceMs,
): Promise<void> {
  const checkEnded = async (): Promise<true | undefined> => ((await hasEnded()) ? true : undefined);
  signalGroup(pid, signal);
  if (await poll(checkEnded, { timeoutMs: graceMs, everyMs: 20 })) return;
  signalGroup(pid, "SIGKILL");
  if (await poll(checkEnded, { timeoutMs: stopGraceMs, everyMs: 20 })) return;
  throw new Error(`process ${pid} is still running after SIGKILL; inspect it with ps and end it by hand`);
}

/** Signals the process group that `pid` leads. A group that has already ended is not an error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
