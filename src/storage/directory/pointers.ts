import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { parseKey } from "../key.js";
import { maxInMemoryBytes, type Pointers, StorageFault } from "../ports.js";
import { publishNewObject, publishReplacement, withDraft } from "./durable.js";
import { isAbsence, toFileFault } from "./faults.js";
import { type Layout, toLockPath, toObjectPath } from "./layout.js";
import { withKeyLock } from "./lock.js";

/**
 * Pointers as plain files. The version of a state is the file's modification time together with a digest of its bytes.
 *
 * The modification times that the system sets are not sufficient, because two writes within one tick of the kernel share one and the
 * clock can be set back. So a swap sets the time itself. While it holds the lock, it sets the current millisecond or, if that is not
 * later than the file it replaces, a later one, reads the time back, and only then renames. The modification times of one key therefore
 * only increase, and pointers are never deleted, so no version ever recurs, not even for the same bytes.
 *
 * Time and bytes belong to one inode and appear by one rename, so a reader who takes both from one open file never sees a mixture, and
 * after a crash either state is intact. The digest detects a foreign tool that restored an old file or wrote into it.
 */
export function createDirectoryPointers(layout: Layout): Pointers {
  const queues = new KeyQueues();
  async function replaceState(key: string, path: string, expected: string, bytes: Uint8Array): Promise<string | undefined> {
    const present = await readState(key, path);
    if (present === undefined || present.version !== expected) return undefined;
    let writtenNs = 0n;
    return withDraft(
      layout,
      key,
      async (file) => {
        await file.writeFile(bytes);
        writtenNs = await setLaterModificationTime(key, file, present.writtenNs);
      },
      async (draft) => {
        await publishReplacement(key, draft, path);
        return computeVersion(writtenNs, bytes);
      },
    );
  }

  return {
    async read(key) {
      const state = await readState(key, toObjectPath(layout, parseKey(key)));
      return state === undefined ? undefined : { bytes: state.bytes, version: state.version };
    },

    async swap(key, expected, bytes) {
      const parsed = parseKey(key);
      const path = toObjectPath(layout, parsed);
      const version =
        expected === null
          ? await createState(layout, key, path, bytes)
          : await queues.run(key, () =>
              withKeyLock(key, toLockPath(layout, parsed), () => replaceState(key, path, expected, bytes)).catch((cause: unknown) => {
                throw toFileFault(key, cause);
              }),
            );
      return version === undefined ? { won: false } : { won: true, version };
    },
  };
}

/** Creating needs no lock: link(2) takes the name, and a swap of an absent file has already lost. */
function createState(layout: Layout, key: string, path: string, bytes: Uint8Array): Promise<string | undefined> {
  let writtenNs = 0n;
  return withDraft(
    layout,
    key,
    async (file) => {
      await file.writeFile(bytes);
      writtenNs = (await file.stat({ bigint: true })).mtimeNs;
    },
    async (draft) => ((await publishNewObject(key, draft, path)) ? computeVersion(writtenNs, bytes) : undefined),
  );
}

interface PointerState {
  readonly bytes: Uint8Array;
  readonly version: string;
  readonly writtenNs: bigint;
}

async function readState(key: string, path: string): Promise<PointerState | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const { mtimeNs, size } = await file.stat({ bigint: true });
    if (size > BigInt(maxInMemoryBytes)) throw new StorageFault("denied", key, `${key} has ${size} bytes, too many for a pointer.`);
    const bytes = await file.readFile();
    return { bytes, version: computeVersion(mtimeNs, bytes), writtenNs: mtimeNs };
  } catch (cause) {
    if (isAbsence(cause)) return undefined;
    throw toFileFault(key, cause);
  } finally {
    await file?.close();
  }
}

function computeVersion(writtenNs: bigint, bytes: Uint8Array): string {
  return `${writtenNs}-${createHash("sha256").update(bytes).digest("hex").slice(0, 32)}`;
}

/** Some file systems store whole or even seconds, so if the time reads back too early, a later one is set. */
async function setLaterModificationTime(key: string, file: FileHandle, previousNs: bigint): Promise<bigint> {
  const earliestMs = Math.max(Date.now(), Number(previousNs / 1_000_000n) + 1);
  for (const aheadMs of [0, 1_000, 3_000]) {
    const stampSeconds = (earliestMs + aheadMs) / 1_000;
    await file.utimes(stampSeconds, stampSeconds);
    const { mtimeNs } = await file.stat({ bigint: true });
    if (mtimeNs > previousNs) return mtimeNs;
  }
  throw new StorageFault(
    "misconfigured",
    key,
    "The store's file system does not store modification times, on which versions depend: move the store to a local one.",
  );
}

/** Runs the calls of one process one after another for each key, so that they do not contend for a lock with each other. */
class KeyQueues {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, act: () => Promise<T>): Promise<T> {
    // A failure of the previous call is reported to its own caller.
    const result = (this.#last.get(key) ?? Promise.resolve()).then(act, act);
    this.#last.set(key, result);
    try {
      return await result;
    } finally {
      if (this.#last.get(key) === result) this.#last.delete(key);
    }
  }
}
