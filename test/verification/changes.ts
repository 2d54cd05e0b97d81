import { toCanonicalText } from "../../src/domain/bytes/canonical.js";

/** Returns the bytes of a file with one member of its JSON changed, with a branch moved, or else with a flipped byte. */
export function changeOneMember(file: string, bytes: Buffer): Buffer {
  // The rest of the file is the Runner's records of acts, which clients never see.
  if (file.endsWith("/packed-refs")) return Buffer.from(bytes.toString("utf8").replace(/^[0-9a-f]{40}(?= refs\/heads\/)/m, "1".repeat(40)));
  const lines = bytes.toString("utf8").split("\n");
  // Of JSON Lines, the longest line changes.
  const longest = lines.reduce((best, line, at) => (line.length > (lines[best]?.length ?? 0) ? at : best), 0);
  const value = parse(lines[longest] ?? "");
  if (typeof value === "object" && value !== null) return Buffer.from(lines.with(longest, toCanonicalText(changeLeaf(value))).join("\n"));
  const flipped = Buffer.from(bytes);
  const middle = Math.floor(flipped.length / 2);
  flipped[middle] = (flipped[middle] ?? 0) ^ 1;
  return flipped;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Changes the leaf in the middle of a value. */
function changeLeaf(value: unknown): unknown {
  const total = countLeaves(value);
  let at = 0;
  const visit = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(visit);
    if (typeof one === "object" && one !== null) return Object.fromEntries(Object.entries(one).map(([name, of]) => [name, visit(of)]));
    at += 1;
    return at === Math.ceil(total / 2) ? changeScalar(one) : one;
  };
  return visit(value);
}

function countLeaves(value: unknown): number {
  return typeof value === "object" && value !== null ? Object.values(value).reduce((sum: number, one) => sum + countLeaves(one), 0) : 1;
}

function changeScalar(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  if (typeof value !== "string" || value === "") return "0";
  return `${value.slice(0, -1)}${value.endsWith("0") ? "1" : "0"}`;
}
