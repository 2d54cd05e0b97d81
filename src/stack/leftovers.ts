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
export const stopGraceMs = 10_000;

export function resolvePidPath(dataDir: string, name: string): string {
  return join(dataDir, "run", `${name}.pid.json`);
}

export async function writePidFile(dataDir: string, record: PidRecord): Promise<void> {
  await mkdir(join(dataDir, "run"), { recursive: true });
  await writeFile(resolvePidPath(dataDir, record.name), JSON.stringify(record), { mode: 0o600 });
}

/**
 * Ends what a crashed run has left behind in this data folder. A process whose start time is not the recorded one is
 * somebody else's with a reused pid, and is left alone. Answers the names of those that were ended.
 */
export async function endLeftovers(dataDir: string, log: Log): Promise<string[]> {
  const run = join(dataDir, "run");
  await mkdir(run, { recursive: true });
  const files = (await readdir(run)).filter((file) => file.endsWith(".pid.json"));
  const ended = await Promise.all(files.map((file) => endLeftover(join(run, file), log)));
  return ended.filter((name) => name !== undefined);
}

async function endLeftover(path: string, log: Log): Promise<string | undefined> {
  const record = parsePidRecord(await readFile(path, "utf8"));
  const ours = record !== undefined && (await readProcessIdentity(record.pid)) === record.identity;
  if (ours) {
    log(`${record.name}: ending process ${record.pid}, left by a run that did not stop in order`);
    await endGroup(record.pid, record.stop_signal, async () => (await readProcessIdentity(record.pid)) !== record.identity);
  }
  await rm(path, { force: true });
  return ours ? record.name : undefined;
}

/** A pid file cut short by a crash names nobody. */
function parsePidRecord(text: string): PidRecord | undefined {
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
  graceMs = stopGraceMs,
): Promise<void> {
  const checkGone = async (): Promise<true | undefined> => ((await hasEnded()) ? true : undefined);
  signalGroup(pid, signal);
  if (await poll(checkGone, { timeoutMs: graceMs, everyMs: 20 })) return;
  signalGroup(pid, "SIGKILL");
  if (await poll(checkGone, { timeoutMs: stopGraceMs, everyMs: 20 })) return;
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
