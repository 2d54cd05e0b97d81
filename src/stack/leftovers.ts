import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readProcessIdentity } from "../process/process-identity.js";
import { poll } from "./poll.js";
import type { Log } from "./progress.js";

/** What a pid file says: enough to recognise the process, and to end it as it wants to be ended. */
export interface PidRecord {
  name: string;
  pid: number;
  identity: string;
  stop_signal: NodeJS.Signals;
}

/** How long a process may take to stop when asked, and to vanish when killed. */
export const stopGrace_ms = 10_000;

export function pidPath(data_dir: string, name: string): string {
  return join(data_dir, "run", `${name}.pid.json`);
}

export async function writePidFile(data_dir: string, record: PidRecord): Promise<void> {
  await mkdir(join(data_dir, "run"), { recursive: true });
  await writeFile(pidPath(data_dir, record.name), JSON.stringify(record), { mode: 0o600 });
}

/**
 * Ends what a crashed run has left behind in this data folder. A process whose start time is not the recorded one is
 * somebody else's with a reused pid, and is left alone. Answers the names of those that were ended.
 */
export async function endLeftovers(data_dir: string, log: Log): Promise<string[]> {
  const run = join(data_dir, "run");
  await mkdir(run, { recursive: true });
  const files = (await readdir(run)).filter((file) => file.endsWith(".pid.json"));
  const ended = await Promise.all(files.map((file) => endOne(join(run, file), log)));
  return ended.filter((name) => name !== undefined);
}

async function endOne(path: string, log: Log): Promise<string | undefined> {
  const record = parseRecord(await readFile(path, "utf8"));
  const ours = record !== undefined && (await readProcessIdentity(record.pid)) === record.identity;
  if (ours) {
    log(`${record.name}: ending process ${record.pid}, left by a run that did not stop in order`);
    await endGroup(record.pid, record.stop_signal, async () => (await readProcessIdentity(record.pid)) !== record.identity);
  }
  await rm(path, { force: true });
  return ours ? record.name : undefined;
}

/** A pid file cut short by a crash names nobody. */
function parseRecord(text: string): PidRecord | undefined {
  try {
    return JSON.parse(text) as PidRecord;
  } catch {
    return undefined;
  }
}

/** Asks a process group to stop, waits, and kills what is still there. */
export async function endGroup(
  pid: number,
  signal: NodeJS.Signals,
  hasEnded: () => Promise<boolean> | boolean,
  grace_ms = stopGrace_ms,
): Promise<void> {
  const gone = async (): Promise<true | undefined> => ((await hasEnded()) ? true : undefined);
  signalGroup(pid, signal);
  if (await poll(gone, { timeout_ms: grace_ms, every_ms: 20 })) return;
  signalGroup(pid, "SIGKILL");
  if (await poll(gone, { timeout_ms: stopGrace_ms, every_ms: 20 })) return;
  throw new Error(`process ${pid} does not end even after SIGKILL; look at it with ps and end it by hand`);
}

/** Signals the whole group that `pid` leads; a group that is gone already is what was wanted. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
