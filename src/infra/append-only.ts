import { parseChangelog } from "./changelog.js";

/**
 * The first line (from 1) at which a changelog is not what its base has, with lines appended; undefined where it is. Of a base that cannot
 * be read the readable lines have to stay, in their order: the others are what is put right.
 */
export function firstRewrittenLine(after: Uint8Array, before: Uint8Array): number | undefined {
  if (startsWith(after, before)) return undefined;
  const read = parseChangelog(before);
  return read.ok ? firstDifferentLine(after, before) : firstMissingLine(after, before, new Set(read.problems.map(({ line }) => line)));
}

function firstMissingLine(after: Uint8Array, before: Uint8Array, unreadable: ReadonlySet<number>): number | undefined {
  const lines = linesOf(after);
  let found = 0;
  for (const [at, line] of linesOf(before).entries()) {
    if (line === "" || unreadable.has(at + 1)) continue;
    const next = lines.indexOf(line, found);
    if (next === -1) return Math.min(found + 1, lines.length);
    found = next + 1;
  }
  return undefined;
}

/** One character for each byte, so that equal lines have equal bytes. */
function linesOf(bytes: Uint8Array): string[] {
  return Buffer.from(bytes).toString("latin1").split("\n");
}

function startsWith(whole: Uint8Array, beginning: Uint8Array): boolean {
  return whole.length >= beginning.length && Buffer.compare(whole.subarray(0, beginning.length), beginning) === 0;
}

function firstDifferentLine(after: Uint8Array, before: Uint8Array): number {
  let line = 1;
  for (let index = 0; index < before.length && before[index] === after[index]; index++) if (before[index] === 0x0a) line++;
  return line;
}
