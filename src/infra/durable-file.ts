import { lstat, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** The new bytes of a file wait beside it under this name until they are whole. */
export function toDraftPath(path: string): string {
  return `${path}.draft`;
}

/** The bytes of a file; undefined where there is none. @throws when the path is something else, such as a symbolic link. */
export async function readPlainFile(path: string): Promise<Buffer | undefined> {
  const stat = await lstat(path).catch(ignoreAbsence);
  if (stat === undefined) return undefined;
  if (!stat.isFile()) throw new Error(`${path} is not a plain file; put a plain file there, because it is replaced as a whole.`);
  return readFile(path).catch(ignoreAbsence);
}

/** Writes the whole draft of a file to the disk, with the mode that the file itself has. */
export async function writeDraft(path: string, bytes: Uint8Array): Promise<void> {
  const mode = (await lstat(path).catch(ignoreAbsence))?.mode ?? 0o644;
  await rm(toDraftPath(path), { force: true });
  const draft = await open(toDraftPath(path), "wx", mode & 0o777);
  try {
    await draft.writeFile(bytes);
    await draft.sync();
  } finally {
    await draft.close();
  }
}

/** Puts the draft in the place of the file: whoever reads sees the old bytes or the new ones. */
export async function publishDraft(path: string): Promise<void> {
  await rename(toDraftPath(path), path);
  await syncFolder(dirname(path));
}

/** Replaces a file by these bytes at once. */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  await writeDraft(path, bytes);
  await publishDraft(path);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function ignoreAbsence(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
