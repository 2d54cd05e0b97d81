import { type FileHandle, lstat, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Flushes a folder, so that the names in it survive a power failure. Windows cannot open a folder and needs no flush. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform !== "win32") await syncFile(path);
}

/** Flushes a file that another program has written. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Creates a folder and its parents, and flushes each new name. */
export async function createDurableFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  for (let made = folder; first !== undefined && made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Creates a file with `mode`, lets `write` fill it, and flushes it. The caller makes its name durable. @throws EEXIST if it exists. */
export async function writeNewFile(path: string, mode: number, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, "wx", mode);
  try {
    await write(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Gives a complete file its final name, in place of any file there. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
}

/** The new bytes of a file wait beside it under this name until they are complete. */
export function toDraftPath(path: string): string {
  return `${path}.draft`;
}

/** The bytes of a file; `undefined` if there is none. @throws if the path is anything else, such as a symbolic link. */
export async function readPlainFile(path: string): Promise<Buffer | undefined> {
  const stat = await lstat(path).catch(ignoreAbsence);
  if (stat === undefined) return undefined;
  if (!stat.isFile()) throw new Error(`${path} is not a plain file; put a plain file there, because it is replaced as a whole.`);
  return readFile(path).catch(ignoreAbsence);
}

/** Writes the draft of a file and flushes it. The draft has the mode of the file. */
export async function writeDraft(path: string, bytes: Uint8Array): Promise<void> {
  const mode = (await lstat(path).catch(ignoreAbsence))?.mode ?? 0o644;
  await rm(toDraftPath(path), { force: true });
  await writeNewFile(toDraftPath(path), mode & 0o777, (draft) => draft.writeFile(bytes));
}

/** Replaces a file by its draft. A reader sees either the old bytes or the new ones. */
export async function publishDraft(path: string): Promise<void> {
  await renameDurably(toDraftPath(path), path);
}

/** Replaces the bytes of a file as a whole. */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  await writeDraft(path, bytes);
  await publishDraft(path);
}

/** For `catch`: turns the error for a path where nothing is into `undefined`. Any other error is thrown, because it does not prove absence. */
export function ignoreAbsence(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}
