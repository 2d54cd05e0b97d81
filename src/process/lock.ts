import { randomUUID } from "node:crypto";
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readProcessIdentity } from "./process-identity.js";

interface Holder {
  pid: number;
  identity: string;
  released: boolean;
}

export type LockAttempt = { held: true; release(): Promise<void> } | { held: false; holderPid: number };

/**
 * Tries once to take the lock at `path`, a folder of numbered files: the highest number is the present holder. Who finds
 * it released, or its process ended, links the next number into place, which one of many can do. Numbers never go down
 * (the last file stays when it is released), so that nobody takes over from a state that is gone.
 */
export async function tryProcessLock(path: string): Promise<LockAttempt> {
  await mkdir(path, { recursive: true });
  const identity = await readProcessIdentity(process.pid);
  if (identity === undefined) throw new Error("this process cannot find its own start time: is /proc mounted?");
  const writeHolder = async (number: number, released: boolean): Promise<boolean> => {
    const draft = join(path, `draft-${randomUUID()}`);
    await writeFile(draft, JSON.stringify({ pid: process.pid, identity, released } satisfies Holder), { mode: 0o600 });
    if (released) {
      await rename(draft, join(path, String(number)));
      return true;
    }
    try {
      return await linkIfAbsent(draft, join(path, String(number)));
    } finally {
      await rm(draft, { force: true });
    }
  };
  for (;;) {
    const highest = Math.max(0, ...(await listHolderNumbers(path)));
    const holder = highest === 0 ? undefined : await readHolder(join(path, String(highest)));
    const taken = holder !== undefined && !holder.released && (await readProcessIdentity(holder.pid)) === holder.identity;
    if (taken) return { held: false, holderPid: holder.pid };
    const mine = highest + 1;
    if (!(await writeHolder(mine, false))) continue;
    const others = await listHolderNumbers(path);
    const overtaken = others.some((number) => number > mine);
    const obsolete = overtaken ? [mine] : others.filter((number) => number < mine);
    await Promise.all(obsolete.map((number) => rm(join(path, String(number)), { force: true })));
    if (overtaken) continue;
    return { held: true, release: async () => void (await writeHolder(mine, true)) };
  }
}

/** Holds the lock at `path` while `work` runs, and waits for another holder first (telling `onWait` once). */
export async function withProcessLock<T>(path: string, onWait: (pid: number) => void, work: () => Promise<T>): Promise<T> {
  let told = false;
  for (;;) {
    const attempt = await tryProcessLock(path);
    if (attempt.held) {
      try {
        return await work();
      } finally {
        await attempt.release();
      }
    }
    if (!told) onWait(attempt.holderPid);
    told = true;
    await sleep(200);
  }
}

async function listHolderNumbers(path: string): Promise<number[]> {
  return (await readdir(path)).filter((name) => /^\d+$/.test(name)).map(Number);
}

async function linkIfAbsent(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** `undefined` when a newer holder has removed it meanwhile. */
async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`the lock file ${path} cannot be read: remove it and try again`, { cause: error });
  }
}
