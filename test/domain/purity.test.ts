import { readdir, readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";

const folder = new URL("../../src/domain/", import.meta.url);
const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".ts"));
const sources = await Promise.all(files.map(async (name) => [name, await readFile(new URL(name, folder), "utf8")] as const));

/** The libraries of the vocabulary: schemas, canonical JSON, hash and signatures. */
const LIBRARIES = ["zod", "canonicalize", "blake3-wasm", "jsonc-parser", "node:crypto"];

/** Uses of a clock, randomness, the process, the network or the disk. */
const IMPURE =
  /\bDate\s*\.\s*now\b|\bnew\s+Date\b|\bDate\s*\(|\bMath\s*\.\s*random\b|\brandom(?:UUID|Bytes|Int|FillSync)\b|\bgetRandomValues\b|\bperformance\b|\bprocess\b|\bfetch\s*\(|\bset(?:Timeout|Interval|Immediate)\b|\bconsole\b|\brequire\s*\(|\bimport\s*\(/;

const removeComments = (source: string): string => source.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, "");

test("the domain has source files", () => {
  expect(files.length).toBeGreaterThan(20);
});

describe.each(sources)("src/domain/%s", (_, source) => {
  const code = removeComments(source);

  test("imports only domain modules and the libraries of the vocabulary", () => {
    const imported = [...code.matchAll(/\bfrom\s+"([^"]+)"|\bimport\s+"([^"]+)"/g)].map((match) => match[1] ?? match[2] ?? "");
    expect(imported.filter((name) => !LIBRARIES.includes(name) && !/^\.{1,2}\/([a-z0-9-]+\/)?[a-z0-9-]+\.js$/.test(name))).toEqual([]);
  });

  test("uses no clock, randomness, process or network", () => {
    expect(code.match(IMPURE)).toBeNull();
  });
});

test("the check recognises impure code", () => {
  for (const line of ["Date.now()", "new Date()", "Math.random()", "randomUUID()", "process.env.X", "await import('node:fs')"])
    expect(line).toMatch(IMPURE);
});
