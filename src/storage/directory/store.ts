import { access, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { hasProcess } from "../../process/process-identity.js";
import { type ObjectStore, StorageFault } from "../ports.js";
import { limitToReads } from "../scoped.js";
import { createDirectoryBlobs } from "./blobs.js";
import { isAbsence } from "./faults.js";
import { type Layout, toLayout } from "./layout.js";
import { createDirectoryPointers } from "./pointers.js";

/**
 * Opens a store in a local folder, for a single machine without an S3 server. Safe between processes that share a process id namespace.
 * Throws {@link StorageFault} `misconfigured` if the folder cannot serve as a store.
 */
export async function openDirectoryStore(path: string): Promise<ObjectStore> {
  if (!isAbsolute(path)) throw new StorageFault("misconfigured", "", `The store's folder must be an absolute path, but ${path} is not.`);
  const layout = toLayout(path);
  try {
    await mkdir(layout.temporary, { recursive: true });
    await mkdir(layout.locks, { recursive: true });
    await assertCaseSensitive(layout);
    await sweepTemporaryFiles(layout);
  } catch (cause) {
    if (cause instanceof StorageFault) throw cause;
    throw new StorageFault("misconfigured", "", `The store's folder ${path} cannot be used: make it writable.`, cause);
  }
  return {
    blobs: createDirectoryBlobs(layout),
    pointers: createDirectoryPointers(layout),
    describe: () => `folder ${path}`,
    close: async () => undefined,
  };
}

/** Opens a folder with a store's keys, such as a copy of one, without writing to it. */
export function openFolderForReading(path: string): ObjectStore {
  const layout = toLayout(path);
  return limitToReads({
    blobs: createDirectoryBlobs(layout),
    pointers: createDirectoryPointers(layout),
    describe: () => `folder ${path}`,
    close: async () => undefined,
  });
}

/** If `T.UBL` and `t.ubl` were one folder, two tenants would share it. */
async function assertCaseSensitive(layout: Layout): Promise<void> {
  const name = `${process.pid}-${Date.now()}-case`;
  await writeFile(join(layout.temporary, name), "");
  try {
    await access(join(layout.temporary, name.toUpperCase()));
  } catch (cause) {
    if (isAbsence(cause)) return;
    throw cause;
  } finally {
    await rm(join(layout.temporary, name), { force: true });
  }
  throw new StorageFault(
    "misconfigured",
    "",
    `The store's folder ${layout.root} is on a file system that ignores case: use one that does not, or S3.`,
  );
}

/** Removes the temporary files of processes that no longer run. */
async function sweepTemporaryFiles(layout: Layout): Promise<void> {
  for (const name of await readdir(layout.temporary)) {
    const pid = Number(name.split("-", 1)[0]);
    if (Number.isSafeInteger(pid) && pid > 0 && !hasProcess(pid)) await rm(join(layout.temporary, name), { force: true });
  }
}
