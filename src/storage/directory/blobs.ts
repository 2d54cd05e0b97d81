import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { parseKey, parsePrefix } from "../key.js";
import { chunksOf, openSource, receiveFile, writeChunks } from "../local-file.js";
import { type Blobs, maxInMemoryBytes, StorageFault } from "../ports.js";
import { publishNew, withDraft } from "./durable.js";
import { fileFault, meansAbsent } from "./faults.js";
import { type Layout, objectPath } from "./layout.js";
import { listKeys } from "./listing.js";

export function directoryBlobs(layout: Layout): Blobs {
  async function create(key: string, write: (file: FileHandle) => Promise<void>): Promise<"created" | "exists"> {
    const path = objectPath(layout, parseKey(key));
    const won = await withDraft(layout, key, write, (draft) => publishNew(key, draft, path));
    return won ? "created" : "exists";
  }

  return {
    get: (key) =>
      withObject(layout, key, async (file, size_bytes) => {
        if (size_bytes > maxInMemoryBytes) {
          throw new StorageFault("denied", key, `${key} has ${size_bytes} bytes, too many to hold in memory: fetch it to a file.`);
        }
        return file.readFile();
      }),

    getToFile: async (key, path) => {
      const found = await withObject(layout, key, (file) =>
        receiveFile(key, path, async (target) => {
          await copy(file, target);
          return true;
        }),
      );
      return found === true;
    },

    stat: (key) => withObject(layout, key, async (_file, size_bytes) => ({ size_bytes })),

    create: (key, bytes) => create(key, (file) => file.writeFile(bytes)),

    async createFromFile(key, path) {
      const source = await openSource(key, path);
      try {
        // Spares the copy of a large file when the answer is known already; link(2) decides in any case.
        const present = await stat(objectPath(layout, parseKey(key))).catch((cause: unknown) => {
          if (meansAbsent(cause)) return undefined;
          throw fileFault(key, cause);
        });
        return present?.isFile() ? "exists" : await create(key, (file) => copy(source, file));
      } finally {
        await source.close();
      }
    },

    list: (prefix) => listKeys(layout, parsePrefix(prefix)),
  };
}

function copy(source: FileHandle, target: FileHandle): Promise<void> {
  return writeChunks(target, chunksOf(source));
}

/** Answers `undefined` when there is no object. A folder is none. */
async function withObject<T>(
  layout: Layout,
  key: string,
  use: (file: FileHandle, size_bytes: number) => Promise<T>,
): Promise<T | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(objectPath(layout, parseKey(key)), constants.O_RDONLY);
    const found = await file.stat();
    return found.isFile() ? await use(file, found.size) : undefined;
  } catch (cause) {
    if (file === undefined && meansAbsent(cause)) {
      return undefined;
    }
    throw fileFault(key, cause);
  } finally {
    await file?.close();
  }
}
