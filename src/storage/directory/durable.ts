import { randomUUID } from "node:crypto";
import { type FileHandle, link, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createDurableFolder, syncFolder, writeNewFile } from "../../process/durable-file.js";
import { StorageFault } from "../ports.js";
import { buildConflictFault, toErrorCode, toFileFault } from "./faults.js";
import type { Layout } from "./layout.js";

/**
 * Lets `write` fill a temporary file, flushes it, passes its path to `use`, and finally removes its temporary name. The name begins with the
 * process id, by which the store recognises the files of killed processes.
 */
export async function withDraft<T>(
  layout: Layout,
  key: string,
  write: (file: FileHandle) => Promise<void>,
  use: (draft: string) => Promise<T>,
): Promise<T> {
  const path = join(layout.temporary, `${process.pid}-${randomUUID()}`);
  try {
    await writeNewFile(path, 0o644, write);
    return await use(path);
  } catch (cause) {
    throw toFileFault(key, cause);
  } finally {
    await rm(path, { force: true });
  }
}

/**
 * Gives the draft its name if that name is free. link(2) fails if the name exists, so of any number of processes exactly one succeeds,
 * and the name never shows an unfinished file.
 */
export async function publishNewObject(key: string, draft: string, path: string): Promise<boolean> {
  await createDurableFolder(dirname(path));
  try {
    await link(draft, path);
  } catch (cause) {
    if (toErrorCode(cause) !== "EEXIST") throw cause;
    // A folder of that name is not an object, so the caller must not be told that one exists.
    if ((await stat(path)).isDirectory()) throw buildConflictFault(key, cause);
    // The winner may not have flushed the folder yet, but the loser may act on the object's existence.
    await syncFolder(dirname(path));
    return false;
  }
  await flushPublished(key, path);
  return true;
}

/** Replaces the object by the draft. The caller must hold the lock of the key. */
export async function publishReplacement(key: string, draft: string, path: string): Promise<void> {
  await rename(draft, path);
  await flushPublished(key, path);
}

/** The object is already visible. Until the folder is flushed, a power failure can undo it. */
async function flushPublished(key: string, path: string): Promise<void> {
  try {
    await syncFolder(dirname(path));
  } catch (cause) {
    throw new StorageFault(
      "outcome_unknown",
      key,
      `${key} was written, but flushing its folder failed: read it back when the file system works again.`,
      cause,
    );
  }
}
