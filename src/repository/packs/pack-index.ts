import { GitFault } from "../git-fault.js";

const SIGNATURE = 0xff744f63;
const TABLES_AT = 8 + 256 * 4;

/** The index of a pack, version 2. Source: gitformat-pack(5). */
export interface PackIndex {
  readonly count: number;
  /** Returns the id of the object at a position in the order of ids. */
  readId(at: number): string;
  /** Returns the offset in the pack, in bytes, of the object at a position. */
  readOffset(at: number): number;
  has(id: string): boolean;
}

/** @throws GitFault `repository_invalid` if it is not an index of version 2. */
export function parsePackIndex(bytes: Buffer): PackIndex {
  if (bytes.length < TABLES_AT + 40 || bytes.readUInt32BE(0) !== SIGNATURE || bytes.readUInt32BE(4) !== 2)
    throw new GitFault("repository_invalid", "A pack index is not of version 2. Delete the cache folder and try again.");
  const countUpTo = (first: number) => (first < 0 ? 0 : bytes.readUInt32BE(8 + first * 4));
  const count = countUpTo(255);
  const offsetsAt = TABLES_AT + count * 24;
  const largeAt = offsetsAt + count * 4;
  return {
    count,
    readId: (at) => bytes.toString("hex", TABLES_AT + at * 20, TABLES_AT + at * 20 + 20),
    readOffset: (at) => {
      const offset = bytes.readUInt32BE(offsetsAt + at * 4);
      return offset < 0x80000000 ? offset : Number(bytes.readBigUInt64BE(largeAt + (offset - 0x80000000) * 8));
    },
    has: (id) => {
      const idBytes = Buffer.from(id, "hex");
      const first = idBytes[0] ?? 0;
      let low = countUpTo(first - 1);
      let high = countUpTo(first);
      while (low < high) {
        const middle = (low + high) >>> 1;
        const order = idBytes.compare(bytes, TABLES_AT + middle * 20, TABLES_AT + middle * 20 + 20);
        if (order === 0) return true;
        if (order < 0) high = middle;
        else low = middle + 1;
      }
      return false;
    },
  };
}
