import { closeSync, openSync, readSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { constants, inflateSync } from "node:zlib";
import { GitFault } from "../git-fault.js";
import type { PackIndex } from "./pack-index.js";

/** Enough for an entry's header, a base id, and the compressed beginning of a delta with its code tables. */
const WINDOW_BYTES = 640;
const BATCH = 512;

/**
 * The first object of a pack that is larger than `max_bytes`, by its id, or undefined. Reads only the entries' headers: whole objects
 * state their size, deltas state the size of their result in their first bytes. Source: gitformat-pack(5).
 */
export async function findOversizedObject(packPath: string, index: PackIndex, maxBytes: number): Promise<string | undefined> {
  const file = openSync(packPath, "r");
  try {
    const window = Buffer.allocUnsafe(WINDOW_BYTES);
    for (let at = 0; at < index.count; at++) {
      // Synchronous reads of a file that git wrote a moment ago are far cheaper; others get their turn in between.
      if (at % BATCH === BATCH - 1) await nextTurn();
      const read = readSync(file, window, 0, WINDOW_BYTES, index.readOffset(at));
      if (parseObjectSize(window.subarray(0, read)) > maxBytes) return index.readId(at);
    }
    return undefined;
  } finally {
    closeSync(file);
  }
}

function parseObjectSize(entry: Buffer): number {
  let at = 0;
  const readByte = () => {
    const value = entry[at++];
    if (value === undefined) throw new GitFault("git_failed", "A pack ends inside an entry although git had indexed it. Try again.");
    return value;
  };
  let next = readByte();
  const type = (next >> 4) & 7;
  let size = next & 15;
  for (let factor = 16; next & 0x80; factor *= 128) {
    next = readByte();
    size += (next & 0x7f) * factor;
  }
  if (type !== 6 && type !== 7) return size;
  if (type === 7) at += 20;
  else while (readByte() & 0x80);
  // The rest of the stream is not needed: what comes out before the window ends begins with the two sizes.
  const delta = inflateSync(entry.subarray(at), { finishFlush: constants.Z_SYNC_FLUSH });
  let read = 0;
  const readVarint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const part = delta[read++] ?? 0;
      value += (part & 0x7f) * factor;
      if ((part & 0x80) === 0) return value;
    }
  };
  readVarint();
  return readVarint();
}
