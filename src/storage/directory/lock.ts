import { setTimeout as sleep } from "node:timers/promises";
import { type LockAttempt, LockStuckError, tryLock } from "../../process/lock.js";
import { StorageFault } from "../ports.js";

/** The maximum wait for a lock. A holder needs it for one read, one flush and one rename. */
const WAIT_MAX_MS = 10_000;

/** Runs `act` while no other process runs one with the same `path`. */
export async function withKeyLock<T>(key: string, path: string, act: () => Promise<T>): Promise<T> {
  const release = await acquireKeyLock(key, path);
  try {
    return await act();
  } finally {
    await release();
  }
}

async function acquireKeyLock(key: string, path: string): Promise<() => Promise<void>> {
  const deadline = performance.now() + WAIT_MAX_MS;
  for (;;) {
    const attempt = await tryKeyLock(key, path);
    if (attempt.isHeld) return attempt.release;
    if (performance.now() > deadline)
      throw new StorageFault("unavailable", key, `The lock ${path} of ${key} was not free within ${WAIT_MAX_MS} ms: try again.`);
    await sleep(1 + Math.random() * 8);
  }
}

async function tryKeyLock(key: string, path: string): Promise<LockAttempt> {
  try {
    return await tryLock(path);
  } catch (cause) {
    if (cause instanceof LockStuckError) throw new StorageFault("misconfigured", key, cause.message, cause);
    throw cause;
  }
}
