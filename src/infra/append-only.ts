import { parseChangelog } from "./changelog.js";

/**
 * Returns the first line (from 1) at which a changelog differs from its base, or undefined if it only appends to it. If some lines of the
 * base cannot be read, a change may repair those, but must keep the readable ones in their order.
 */
export function findFirstRewrittenLine(after: Uint8Array, before: Uint8Array): number | undefined {
  if (hasBeginning(after, before)) return undefined;
  const read = parseChangelog(before);
  return read.ok
    ? findFirstDifferentLine(after, before)
    : findFirstMissingLine(after, before, new Set(read.problems.map(({ line }) => line)));
}

function findFirstMissingLine(after: Uint8Array, before: Uint8Array, unreadable: ReadonlySet<number>): number | undefined {
  const lines = splitLines(after);
  let found = 0;
  for (const [at, line] of splitLines(before).entries()) {
    if (line === "" || unreadable.has(at + 1)) continue;
    const next = lines.indexOf(line, found);
    if (next === -1) return Math.min(found + 1, lines.length);
    found = next + 1;
  }
  return undefined;
}

/** Latin-1 has one character for each byte, so equal lines have equal bytes. */
function splitLines(bytes: Uint8Array): string[] {
  return Buffer.from(bytes).toString("latin1").split("\n");
}

function hasBeginning(whole: Uint8Array, beginning: Uint8Array): boolean {
  return whole.length >= beginning.length && Buffer.compare(whole.subarray(0, beginning.length), beginning) === 0;
}

function findFirstDifferentLine(after: Uint8Array, before: Uint8Array): number {
  let line = 1;
  for (let index = 0; index < before.length && before[index] === after[index]; index++) if (before[index] === 0x0a) line++;
  return line;
}
