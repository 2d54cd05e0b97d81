import { rm } from "node:fs/promises";
import { join } from "node:path";
import { tryFolderLock } from "../process/lock.js";
import { endLeftovers } from "./leftovers.js";
import type { Log } from "./progress.js";
import { resolveOutsideFolder } from "./servers/postgres-account.js";

/** Returns the path of the lock that a run holds on its data folder. */
export function resolveOwnerLockPath(dataDir: string): string {
  return join(dataDir, "run", "owner.lock");
}

/**
 * Removes a data folder and everything that belongs to it, after ending the processes that a crashed run left. Returns false, and removes
 * nothing, while a live run uses the folder.
 */
export async function removeDataFolder(dataDir: string, log: Log): Promise<boolean> {
  const lock = await tryFolderLock(resolveOwnerLockPath(dataDir));
  if (!lock.isHeld) return false;
  await endLeftovers(dataDir, log);
  await Promise.all([dataDir, resolveOutsideFolder(dataDir)].map((path) => rm(path, { recursive: true, force: true })));
  return true;
}
