import { randomUUID } from "node:crypto";
import { readlink, rm, symlink } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { StorageFault } from "../ports.js";
import { toErrorCode } from "./faults.js";
import { isRunning, readOwnIdentity } from "./process-identity.js";

/** The longest wait for a lock. It is held for one read, one flush and one rename. */
const waitMaxMs = 10_000;

/** Successors of dead holders in a row, each killed while it held the lock. More means something else is wrong. */
const maxSuccessions = 32;

/**
 * Runs `act` while no other process runs one under the same `path`.
 *
 * A lock is a symbolic link that names its holder: symlink(2) is exclusive and shows the holder together with the lock,
 * without a moment in which it is empty. A lock whose holder is dead is not removed, since between looking and removing
 * it may have become somebody's living lock. It is succeeded: the one who creates `<path>.<token of the dead holder>`
 * inherits it, and checks that the chain still begins at the dead holder's lock. Whoever holds the lock removes the
 * first link of the chain first, which frees the lock, and then its remains, whose names are never used again.
 */
export async function withKeyLock<T>(key: string, path: string, act: () => Promise<T>): Promise<T> {
  const chain = await acquireKeyLock(key, path);
  try {
    return await act();
  } finally {
    for (const link of chain) {
      await rm(link, { force: true });
    }
  }
}

async function acquireKeyLock(key: string, path: string): Promise<readonly string[]> {
  const { pid, started } = await readOwnIdentity();
  const token = randomUUID();
  const owner = `${token}:${pid}:${started}`;
  const deadline = performance.now() + waitMaxMs;
  for (;;) {
    const chain = await tryAcquireKeyLock(path, owner);
    if (chain !== undefined) {
      return chain;
    }
    if (performance.now() > deadline) {
      throw new StorageFault("unavailable", key, `The lock ${path} of ${key} was not free within ${waitMaxMs} ms: try again.`);
    }
    await sleep(1 + Math.random() * 8);
  }
}

/** The links to remove on release, first the one that frees the lock; `undefined` while somebody living holds it. */
async function tryAcquireKeyLock(path: string, owner: string): Promise<readonly string[] | undefined> {
  const chain = [path];
  const dead: string[] = [];
  for (let link = path; chain.length <= maxSuccessions; chain.push(link)) {
    if (await createLink(owner, link)) {
      if (await isChainIntact(chain, dead)) {
        return chain;
      }
      await rm(link, { force: true });
      return undefined;
    }
    const holder = await readHolder(link);
    if (holder === undefined || (await isRunning(holder))) {
      return undefined;
    }
    dead.push(holder.text);
    link = `${path}.${holder.token}`;
  }
  throw new StorageFault(
    "misconfigured",
    "",
    `The lock ${path} has passed through ${maxSuccessions} killed processes: stop all services, then remove it.`,
  );
}

/** Whether the links before the last still are those of the dead holders that were succeeded. */
async function isChainIntact(chain: readonly string[], dead: readonly string[]): Promise<boolean> {
  for (const [position, text] of dead.entries()) {
    if ((await readHolder(chain[position] ?? ""))?.text !== text) {
      return false;
    }
  }
  return true;
}

async function createLink(owner: string, link: string): Promise<boolean> {
  try {
    await symlink(owner, link);
    return true;
  } catch (cause) {
    if (toErrorCode(cause) === "EEXIST") {
      return false;
    }
    throw cause;
  }
}

async function readHolder(link: string): Promise<{ text: string; token: string; pid: number; started: string } | undefined> {
  try {
    const text = await readlink(link);
    const [token = "", pid = "", started = ""] = text.split(":");
    return { text, token, pid: Number(pid), started };
  } catch (cause) {
    if (toErrorCode(cause) === "ENOENT") {
      return undefined;
    }
    throw cause;
  }
}
