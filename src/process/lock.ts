import { randomUUID } from "node:crypto";
import { mkdir, readlink, rm, symlink } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readProcessIdentity, readProcessState } from "./process-identity.js";

/** More dead holders in a row than this, each killed while it held the lock, mean that something else is wrong. */
const SUCCESSIONS_MAX = 32;
const WAIT_STEP_MS = 200;

/** The lock passed through too many killed processes; an operator has to remove it. */
export class LockStuckError extends Error {
  override readonly name = "LockStuckError";
}

export interface Holder {
  readonly pid: number;
  readonly host: string;
}

/** The holder is `unreadable` if something other than a lock has the path. */
export type LockAttempt<H = Holder | "unreadable"> =
  | { readonly isHeld: true; release(): Promise<void> }
  | { readonly isHeld: false; readonly holder: H };

export interface LockOptions {
  /** Set this where several hosts share the folder: a holder on another host then counts as alive, because nobody can tell. */
  readonly isSharedByHosts?: boolean;
}

/**
 * Tries once to take the lock at `path`, which one process at a time can hold. The lock of a dead holder passes to exactly one successor.
 *
 * A lock is a symbolic link that names its holder: symlink(2) is exclusive and shows the holder together with the lock, without a moment
 * in which it is empty. The lock of a dead holder is not removed, because it may have become a living one since it was read. Instead the
 * process that creates `<path>.<token of the dead holder>` inherits it, after it has checked that the chain still begins at the dead
 * holder's link. The holder's release removes the first link of the chain first, which frees the lock, and then the others, whose names
 * are never used again.
 *
 * @throws LockStuckError after too many dead holders in a row.
 */
export async function tryLock(path: string, options: LockOptions = {}): Promise<LockAttempt> {
  const owner = `${randomUUID()}:${process.pid}:${await readOwnStart()}:${hostname()}`;
  for (;;) {
    const attempt = await tryLockChain(path, owner, options);
    if (attempt !== "changed") return attempt;
  }
}

/** Tries once to take the lock in `folder`, which is created if it is missing. */
export async function tryFolderLock(folder: string): Promise<LockAttempt<Holder>> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, "holder");
  const attempt = await tryLock(path);
  if (attempt.isHeld) return attempt;
  if (attempt.holder === "unreadable") throw new Error(`${path} is not a lock: remove it and try again`);
  return { isHeld: false, holder: attempt.holder };
}

/** Holds the lock in `folder` while `work` runs. Waits for another holder first, and calls `onWait` once. */
export async function withFolderLock<T>(folder: string, onWait: (pid: number) => void, work: () => Promise<T>): Promise<T> {
  let hasToldWait = false;
  for (;;) {
    const attempt = await tryFolderLock(folder);
    if (attempt.isHeld) {
      try {
        return await work();
      } finally {
        await attempt.release();
      }
    }
    if (!hasToldWait) onWait(attempt.holder.pid);
    hasToldWait = true;
    await sleep(WAIT_STEP_MS);
  }
}

/** `changed`: another process has taken or released the lock meanwhile. */
async function tryLockChain(path: string, owner: string, options: LockOptions): Promise<LockAttempt | "changed"> {
  const chain = [path];
  const dead: string[] = [];
  for (let link = path; chain.length <= SUCCESSIONS_MAX; chain.push(link)) {
    if (await createLink(owner, link)) {
      if (await isChainIntact(chain, dead)) return { isHeld: true, release: () => removeLinks(chain) };
      await rm(link, { force: true });
      return "changed";
    }
    const holder = await readHolder(link);
    if (holder === undefined) return "changed";
    if (holder === "unreadable") return { isHeld: false, holder };
    if (await isAlive(holder, options)) return { isHeld: false, holder };
    dead.push(holder.text);
    link = `${path}.${holder.token}`;
  }
  throw new LockStuckError(`The lock ${path} has passed through ${SUCCESSIONS_MAX} killed processes: stop all services, then remove it.`);
}

/** Whether the links before the last are still those of the dead holders that were succeeded. */
async function isChainIntact(chain: readonly string[], dead: readonly string[]): Promise<boolean> {
  for (const [position, text] of dead.entries()) {
    const holder = await readHolder(chain[position] ?? "");
    if (holder === undefined || holder === "unreadable" || holder.text !== text) return false;
  }
  return true;
}

async function removeLinks(chain: readonly string[]): Promise<void> {
  for (const link of chain) await rm(link, { force: true });
}

async function createLink(owner: string, link: string): Promise<boolean> {
  try {
    await symlink(owner, link);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

interface NamedHolder extends Holder {
  readonly text: string;
  readonly token: string;
  /** Empty where the holder's system does not say when a process started. */
  readonly started: string;
}

async function readHolder(link: string): Promise<NamedHolder | "unreadable" | undefined> {
  try {
    const text = await readlink(link);
    const [token = "", pid = "", started = "", host = ""] = text.split(":");
    return /^[1-9]\d*$/.test(pid) ? { text, token, pid: Number(pid), started, host } : "unreadable";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    // Something other than a link has this name.
    if (code === "EINVAL") return "unreadable";
    throw error;
  }
}

/** A holder that cannot be judged counts as alive: a living one must never be robbed. */
async function isAlive({ pid, started, host }: NamedHolder, { isSharedByHosts = false }: LockOptions): Promise<boolean> {
  if (isSharedByHosts && host !== hostname()) return true;
  const state = await readProcessState(pid);
  return state.kind === "hidden" || (state.kind === "running" && (started === "" || toStart(state.identity) === started));
}

let ownStart: Promise<string> | undefined;

function readOwnStart(): Promise<string> {
  ownStart ??= readProcessIdentity(process.pid).then((identity) => toStart(identity ?? ""));
  return ownStart;
}

/** The colon separates the parts of a link's text. */
function toStart(identity: string): string {
  return identity.replaceAll(":", ".");
}
