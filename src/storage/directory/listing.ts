import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Key } from "../key.js";
import { fileFault, meansAbsent } from "./faults.js";
import type { Layout } from "./layout.js";

/** Walks the folders in the order of the keys' UTF-8 bytes, as S3 lists them. Holds one folder of each depth. */
export function listKeys(layout: Layout, prefix: Key): AsyncGenerator<string> {
  const folder = prefix.full.slice(0, prefix.full.lastIndexOf("/") + 1);
  return walk(layout, folder, prefix.full);
}

async function* walk(layout: Layout, folder: string, prefix: string): AsyncGenerator<string> {
  // In a key a folder's name is followed by a slash, so that is how it compares: `a-b` comes before `a/b`.
  const names = (await entriesOf(layout, folder))
    .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`)
    .map((name) => ({ name, order: Buffer.from(name) }))
    .sort((left, right) => left.order.compare(right.order));
  for (const { name } of names) {
    if (name.startsWith(prefix) && !name.endsWith("/")) {
      yield name;
    } else if (name.endsWith("/") && (name.startsWith(prefix) || prefix.startsWith(name))) {
      yield* walk(layout, name, prefix);
    }
  }
}

async function entriesOf(layout: Layout, folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(join(layout.root, folder), { withFileTypes: true });
    return entries.filter((entry) => entry.isFile() || entry.isDirectory());
  } catch (cause) {
    if (meansAbsent(cause)) {
      return [];
    }
    throw fileFault(folder, cause);
  }
}
