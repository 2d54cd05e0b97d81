import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Key } from "../key.js";
import { isAbsence, toFileFault } from "./faults.js";
import type { Layout } from "./layout.js";

/** Walks the folders in the order of the keys' UTF-8 bytes, as S3 lists them. Keeps one folder per level in memory. */
export function listDirectoryKeys(layout: Layout, prefix: Key): AsyncGenerator<string> {
  const folder = prefix.full.slice(0, prefix.full.lastIndexOf("/") + 1);
  return walkFolder(layout, folder, prefix.full);
}

async function* walkFolder(layout: Layout, folder: string, prefix: string): AsyncGenerator<string> {
  // In a key, a folder's name is followed by a slash, so it is compared with the slash: `a-b` comes before `a/b`.
  const names = (await readEntries(layout, folder))
    .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`)
    .map((name) => ({ name, order: Buffer.from(name) }))
    .sort((left, right) => left.order.compare(right.order));
  for (const { name } of names) {
    if (!name.endsWith("/")) {
      if (name.startsWith(prefix)) yield name;
    } else if (name.startsWith(prefix) || prefix.startsWith(name)) yield* walkFolder(layout, name, prefix);
  }
}

async function readEntries(layout: Layout, folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(join(layout.root, folder), { withFileTypes: true });
    return entries.filter((entry) => entry.isFile() || entry.isDirectory());
  } catch (cause) {
    if (isAbsence(cause)) return [];
    throw toFileFault(folder, cause);
  }
}
