import { randomUUID } from "node:crypto";
import { chmod, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;

/** Makes the folder of a private file, for its owner alone. @throws when it is there and others can write to it. */
export async function preparePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { mode } = await stat(folder);
  if (hasModes() && (mode & OTHERS_WRITE) !== 0)
    throw new Error(`Others can write to ${folder} and could replace what is kept in it; run \`chmod 700 ${folder}\`.`);
}

/** The text of a private file; `undefined` when there is none. @throws when the file is readable or writable by others. */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  const file = await openIfPresent(path);
  if (file === undefined) return undefined;
  try {
    const { mode } = await file.stat();
    if (hasModes() && (mode & OTHERS) !== 0)
      throw new Error(
        `Others can read ${path}, so what is in it proves nothing about you; run \`chmod 600 ${path}\`, and replace the passkey or token in it if anybody may have read it.`,
      );
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

/** Replaces a private file as a whole: a reader, and a machine that loses power, sees the old text or the new one. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const made = `${path}.${randomUUID()}`;
  try {
    const file = await open(made, "wx", 0o600);
    try {
      await chmod(made, 0o600);
      await file.writeFile(text, "utf8");
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(made, path);
  } finally {
    await rm(made, { force: true });
  }
  await syncFolder(dirname(path));
}

async function openIfPresent(path: string) {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (!hasModes()) return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Windows has access lists in place of modes, and cannot open a folder. */
function hasModes(): boolean {
  return process.platform !== "win32";
}
