import { readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What the folder of an upload begins with; each upload has one of its own below the system's temporary folder. */
export const UPLOAD_FOLDER = "ogr-staging-";

/** Longer than any upload and its way to the store take, in milliseconds. */
const ABANDONED_AFTER_MS = 3_600_000;

/** Removes what processes that were killed in the middle of an upload left in `folder`; answers how many that were. */
export async function removeAbandonedUploads(nowMs: number, folder: string = tmpdir()): Promise<number> {
  let removed = 0;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(UPLOAD_FOLDER)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(ignoreAbsence);
    // Another account's are another registry's.
    if (found === undefined || found.uid !== process.getuid?.() || nowMs - found.mtimeMs < ABANDONED_AFTER_MS) continue;
    await rm(path, { recursive: true, force: true });
    removed += 1;
  }
  return removed;
}

/** Somebody else may have removed it a moment ago. */
function ignoreAbsence(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
