import { rm } from "node:fs/promises";
import { join } from "node:path";
import { tryFolderLock } from "../process/lock.js";
import { endLeftovers } from "./leftovers.js";
import type { Log } from "./progress.js";
import { outsideFolder } from "./servers/postgres-account.js";

/** The lock that a run holds on its data folder. */
export function ownerLockPath(data_dir: string): string {
  return join(data_dir, "run", "owner.lock");
}

/**
 * Removes a data folder with all that belongs to it, after ending what a crashed run left. Answers false, and removes
 * nothing, while a live run uses it.
 */
export async function removeDataFolder(data_dir: string, log: Log): Promise<boolean> {
  const lock = await tryFolderLock(ownerLockPath(data_dir));
  if (!lock.isHeld) return false;
  await endLeftovers(data_dir, log);
  await Promise.all([data_dir, outsideFolder(data_dir)].map((path) => rm(path, { recursive: true, force: true })));
  return true;
}
