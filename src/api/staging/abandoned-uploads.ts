import { readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ignoreAbsence } from "../../process/durable-file.js";

/** The name prefix of an upload's folder; each upload has its own folder in the system's temporary folder. */
export const UPLOAD_FOLDER = "ogr-staging-";

/** Longer than any upload including its write to the store, in milliseconds. */
const ABANDONED_AFTER_MS = 3_600_000;

/** Removes uploads of killed processes from `folder`. Returns their number. */
export async function removeAbandonedUploads(nowMs: number, folder: string = tmpdir()): Promise<number> {
  let removed = 0;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(UPLOAD_FOLDER)) continue;
    const path = join(folder, name);
    // Another process may have just removed it.
    const found = await stat(path).catch(ignoreAbsence);
    // Folders of another account belong to another registry.
    if (found === undefined || found.uid !== process.getuid?.() || nowMs - found.mtimeMs < ABANDONED_AFTER_MS) continue;
    await rm(path, { recursive: true, force: true });
    removed += 1;
  }
  return removed;
}
