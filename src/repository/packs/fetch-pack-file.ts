import { open, rm } from "node:fs/promises";
import type { ObjectStore } from "../../storage/ports.js";
import { GitFault } from "../git-fault.js";

/**
 * Downloads a pack or its index. A pack ends with its own checksum, an index with the pack's and its own. `fromEnd` is the position of
 * the pack's checksum in bytes from the end, by which a truncated file or another pack's file is detected.
 *
 * @throws GitFault `repository_invalid`
 */
export async function fetchPackFile(store: ObjectStore, key: string, path: string, hash: string, fromEnd: number): Promise<void> {
  if (!(await store.blobs.getToFile(key, path)))
    throw new GitFault("repository_invalid", `${key} was listed but does not exist. Restore it from a copy.`);
  const file = await open(path, "r");
  const checksum = Buffer.alloc(20);
  try {
    await file.read(checksum, 0, 20, Math.max(0, (await file.stat()).size - fromEnd));
  } finally {
    await file.close();
  }
  if (checksum.toString("hex") === hash) return;
  await rm(path, { force: true });
  throw new GitFault("repository_invalid", `${key} does not contain the pack of its name. Restore the repository from a copy.`);
}
