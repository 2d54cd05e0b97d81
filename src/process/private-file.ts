import { randomUUID } from "node:crypto";
import { chmod, mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ignoreAbsence, renameDurably, writeNewFile } from "./durable-file.js";
import { withFolderLock } from "./lock.js";

const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;

/** Creates the folder of a private file, for its owner alone. @throws if it exists and others can write to it. */
async function preparePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { mode } = await stat(folder);
  if (hasModes() && (mode & OTHERS_WRITE) !== 0)
    throw new Error(`Others can write to ${folder} and could replace the files in it; run \`chmod 700 ${folder}\`.`);
}

/** The text of a private file; `undefined` if there is none. @throws if others can read or write the file. */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  const file = await open(path, "r").catch(ignoreAbsence);
  if (file === undefined) return undefined;
  try {
    const { mode } = await file.stat();
    if (hasModes() && (mode & OTHERS) !== 0)
      throw new Error(
        `Others can read ${path}, so its content proves nothing about you; run \`chmod 600 ${path}\`, and replace the passkey or token in it if anybody may have read it.`,
      );
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

/** Replaces a private file as a whole. A reader, also after a power failure, sees either the old text or the new one. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeNewFile(draft, 0o600, async (file) => {
      // The umask can have taken bits from the mode.
      await chmod(draft, 0o600);
      await file.writeFile(text, "utf8");
    });
    await renameDurably(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Runs `work` while no other process does so for the same private file. Creates the file's folder if it is missing. */
export async function withPrivateFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await preparePrivateFolder(dirname(path));
  return withFolderLock(`${path}.lock`, () => undefined, work);
}

/** The JSON value in a file; `undefined` if there is no file. @throws if the file is not JSON. */
export async function readJsonFile(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch(ignoreAbsence);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path} is not JSON: restore it, or remove it and start again`, { cause });
  }
}

/** Writes a private file of JSON, unless it has the same text already. */
export async function writePrivateJson(path: string, value: unknown): Promise<void> {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  if ((await readFile(path, "utf8").catch(ignoreAbsence)) === text) return;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writePrivateFile(path, text);
}

/** Windows has access lists in place of modes. */
function hasModes(): boolean {
  return process.platform !== "win32";
}
