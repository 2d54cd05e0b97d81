import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { blake3 as secondBlake3 } from "hash-wasm";
import { describe, expect, test } from "vitest";
import { BLAKE3_HEX, hashBlake3, hashBlake3Hex, hashBlake3HexOfStream } from "../../src/domain/bytes/hash.js";

interface Vectors {
  readonly cases: readonly { readonly input_len: number; readonly hash: string }[];
}

const { cases } = JSON.parse(await readFile(new URL("fixtures/blake3-vectors.json", import.meta.url), "utf8")) as Vectors;

/** Builds the input of a published vector. */
const buildOfficialInput = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => at % 251);

async function* splitIntoChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("the published vectors", () => {
  test("range from no input to 102400 bytes", () => {
    expect(cases.map((vector) => vector.input_len)).toEqual(
      expect.arrayContaining([0, 1, 1023, 1024, 1025, 2048, 8192, 8193, 31744, 102400]),
    );
  });

  test.each(cases)("match for $input_len bytes", async ({ input_len, hash }) => {
    const input = buildOfficialInput(input_len);
    expect(hashBlake3Hex(input)).toBe(hash);
    expect(Buffer.from(hashBlake3(input)).toString("hex")).toBe(hash);
    expect(await hashBlake3HexOfStream(splitIntoChunks(input, 1000))).toBe(hash);
    expect(await secondBlake3(input)).toBe(hash);
  });
});

describe("a second implementation returns the same hash", () => {
  test("on any bytes, at once and in chunks of any size", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), fc.integer({ min: 1, max: 2000 }), async (bytes, size) => {
        const theirs = await secondBlake3(bytes);
        expect(hashBlake3Hex(bytes)).toBe(theirs);
        expect(await hashBlake3HexOfStream(splitIntoChunks(bytes, size))).toBe(theirs);
      }),
    );
  });

  test("on chunks above 1 MiB", async () => {
    const bytes = buildOfficialInput(5 * 1024 * 1024 + 3);
    const theirs = await secondBlake3(bytes);
    expect(hashBlake3Hex(bytes)).toBe(theirs);
    expect(await hashBlake3HexOfStream(splitIntoChunks(bytes, 3 * 1024 * 1024))).toBe(theirs);
  });

  test("on a view into a larger buffer", async () => {
    const view = buildOfficialInput(4096).subarray(100, 1300);
    expect(hashBlake3Hex(view)).toBe(await secondBlake3(Uint8Array.from(view)));
  });
});

test("a digest has 64 lower-case hexadecimal digits", () => {
  expect(hashBlake3Hex(new Uint8Array(0))).toMatch(BLAKE3_HEX);
  expect(BLAKE3_HEX.test(`${hashBlake3Hex(new Uint8Array(0))}\n`)).toBe(false);
});

test("a failing stream fails its hash and does not affect the next one", async () => {
  async function* failMidway(): AsyncGenerator<Uint8Array> {
    yield buildOfficialInput(10);
    throw new Error("the store went away");
  }
  await expect(hashBlake3HexOfStream(failMidway())).rejects.toThrow("the store went away");
  expect(await hashBlake3HexOfStream(splitIntoChunks(buildOfficialInput(1025), 7))).toBe(
    cases.find((vector) => vector.input_len === 1025)?.hash,
  );
});
