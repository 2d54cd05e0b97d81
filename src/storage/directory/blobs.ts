import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { parseKey, parsePrefix } from "../key.js";
import { openSourceFile, readChunks, receiveFile, writeChunks } from "../local-file.js";
import { type Blobs, maxInMemoryBytes, StorageFault } from "../ports.js";
import { publishNewObject, withDraft } from "./durable.js";
import { isAbsence, toFileFault } from "./faults.js";
import { type Layout, toObjectPath } from "./layout.js";
import { listDirectoryKeys } from "./listing.js";

export function createDirectoryBlobs(layout: Layout): Blobs {
  async function createObject(key: string, write: (file: FileHandle) => Promise<void>): Promise<"created" | "exists"> {
    const path = toObjectPath(layout, parseKey(key));
    const won = await withDraft(layout, key, write, (draft) => publishNewObject(key, draft, path));
    return won ? "created" : "exists";
  }

  return {
    get: (key) =>
      withObject(layout, key, async (file, sizeBytes) => {
        if (sizeBytes > maxInMemoryBytes)
          throw new StorageFault("denied", key, `${key} has ${sizeBytes} bytes, too many to hold in memory: download it to a file.`);
        return file.readFile();
      }),

    getToFile: async (key, path) => {
      const found = await withObject(layout, key, (file) =>
        receiveFile(key, path, async (target) => {
          await copyContent(file, target);
          return true;
        }),
      );
      return found === true;
    },

    stat: (key) => withObject(layout, key, async (_file, sizeBytes) => ({ sizeBytes })),

    create: (key, bytes) => createObject(key, (file) => file.writeFile(bytes)),

    async createFromFile(key, path) {
      const source = await openSourceFile(key, path);
      try {
        // Avoids copying a large file if the object already exists. link(2) decides in any case.
        const present = await stat(toObjectPath(layout, parseKey(key))).catch((cause: unknown) => {
          if (isAbsence(cause)) return undefined;
          throw toFileFault(key, cause);
        });
        return present?.isFile() ? "exists" : await createObject(key, (file) => copyContent(source, file));
      } finally {
        await source.close();
      }
    },

    list: (prefix) => listDirectoryKeys(layout, parsePrefix(prefix)),
  };
}

function copyContent(source: FileHandle, target: FileHandle): Promise<void> {
  return writeChunks(target, readChunks(source));
}

/** Returns `undefined` if there is no object. A folder is not an object. */
async function withObject<T>(
  layout: Layout,
  key: string,
  use: (file: FileHandle, sizeBytes: number) => Promise<T>,
): Promise<T | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(toObjectPath(layout, parseKey(key)), constants.O_RDONLY);
    const found = await file.stat();
    return found.isFile() ? await use(file, found.size) : undefined;
  } catch (cause) {
    if (file === undefined && isAbsence(cause)) return undefined;
    throw toFileFault(key, cause);
  } finally {
    await file?.close();
  }
}
