import { randomBytes, randomUUID } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { StorageFault } from "../../src/storage/ports.js";
import { fillFile, hashFile } from "./large-file.js";
import { countOutcomes, type Place, readBlobText } from "./place.js";

const writers = 64;
const bigBytes = 70 * 1024 * 1024;

/**
 * Stores a large file whose SHA-256 is `digest`. A server that refuses a body before reading it may cut the connection, and the stored
 * object then shows which create won.
 */
async function storeFile({ store }: Place, key: string, path: string, digest: string): Promise<"created" | "exists"> {
  try {
    return await store.blobs.createFromFile(key, path);
  } catch (error) {
    if (!(error instanceof StorageFault) || error.code !== "outcome_unknown") throw error;
    await store.blobs.getToFile(key, `${path}-stands`);
    return (await hashFile(`${path}-stands`)) === digest ? "created" : "exists";
  }
}

/** The contract of every backend for immutable objects. */
export function describeBlobsContract(place: Place): void {
  describe("blobs", () => {
    it("returns the stored bytes, and undefined or false for an absent key", async () => {
      const key = `${place.createPrefix()}a/b`;
      const file = join(place.folder, randomUUID());
      expect(await place.store.blobs.get(key)).toBeUndefined();
      expect(await place.store.blobs.stat(key)).toBeUndefined();
      expect(await place.store.blobs.getToFile(key, file)).toBe(false);
      const bytes = randomBytes(70_000);
      expect(await place.store.blobs.create(key, bytes)).toBe("created");
      expect(bytes.equals((await place.store.blobs.get(key)) ?? Buffer.of())).toBe(true);
      expect(await place.store.blobs.stat(key)).toEqual({ sizeBytes: 70_000 });
      expect(await place.store.blobs.getToFile(key, file)).toBe(true);
      expect(bytes.equals(await readFile(file))).toBe(true);
      expect(await place.store.blobs.get(dirname(key))).toBeUndefined();
    });

    it("never replaces an object", async () => {
      const key = `${place.createPrefix()}once`;
      expect(await place.store.blobs.create(key, Buffer.from("first"))).toBe("created");
      expect(await place.store.blobs.create(key, Buffer.from("second"))).toBe("exists");
      const path = join(place.folder, randomUUID());
      await writeFile(path, "third");
      expect(await place.store.blobs.createFromFile(key, path)).toBe("exists");
      expect(await readBlobText(place.store, key)).toBe("first");
    });

    it("stores an empty body, from memory and from a file", async () => {
      const prefix = place.createPrefix();
      const path = join(place.folder, randomUUID());
      await writeFile(path, "");
      expect(await place.store.blobs.create(`${prefix}memory`, new Uint8Array(0))).toBe("created");
      expect(await place.store.blobs.createFromFile(`${prefix}file`, path)).toBe("created");
      for (const name of ["memory", "file"]) {
        expect(await place.store.blobs.stat(`${prefix}${name}`)).toEqual({ sizeBytes: 0 });
        expect((await place.store.blobs.get(`${prefix}${name}`))?.byteLength).toBe(0);
        expect(await place.store.blobs.getToFile(`${prefix}${name}`, path)).toBe(true);
        expect((await readFile(path)).byteLength).toBe(0);
      }
    });

    it("lets exactly one of 64 concurrent creates of a key succeed, and stores its bytes", async () => {
      const key = `${place.createPrefix("claims")}jti`;
      const outcomes = await Promise.all(
        Array.from({ length: writers }, (_, number) => place.store.blobs.create(key, Buffer.from(`writer ${number}`))),
      );
      expect(countOutcomes(outcomes)).toEqual({ created: 1, exists: writers - 1 });
      expect(await readBlobText(place.store, key)).toBe(`writer ${outcomes.indexOf("created")}`);
    });

    it("stores a file of 70 MiB, returns exists for a second one, and returns the first one unchanged", async () => {
      const key = `${place.createPrefix("repos")}pack`;
      const [first, second, back] = ["first", "second", "back"].map((name) => join(place.folder, name)) as [string, string, string];
      const digest = await fillFile(first, bigBytes);
      const other = await fillFile(second, bigBytes);
      expect(await place.store.blobs.createFromFile(key, first)).toBe("created");
      expect(await storeFile(place, key, second, other)).toBe("exists");
      expect(await place.store.blobs.stat(key)).toEqual({ sizeBytes: bigBytes });
      expect(await place.store.blobs.getToFile(key, back)).toBe(true);
      expect(await hashFile(back)).toBe(digest);
      expect((await readdir(place.folder)).filter((name) => name.endsWith(".part"))).toEqual([]);
    });

    it("lets exactly one of two concurrent files of 70 MiB succeed", async () => {
      const key = `${place.createPrefix("repos")}pack`;
      const paths = Array.from({ length: 2 }, (_, number) => join(place.folder, `rival-${number}`));
      const digests = await Promise.all(paths.map((path) => fillFile(path, bigBytes)));
      const back = join(place.folder, "won");
      const outcomes = await Promise.all(paths.map((path, n) => storeFile(place, key, path, digests[n] ?? "")));
      expect(countOutcomes(outcomes)).toEqual({ created: 1, exists: 1 });
      await place.store.blobs.getToFile(key, back);
      expect(await hashFile(back)).toBe(digests[outcomes.indexOf("created")]);
    });

    it("replaces a local file by an object, and leaves it unchanged if the object does not exist", async () => {
      const key = `${place.createPrefix()}late`;
      const path = join(place.folder, randomUUID());
      await writeFile(path, "before");
      expect(await place.store.blobs.getToFile(key, path)).toBe(false);
      expect(await readFile(path, "utf8")).toBe("before");
      await place.store.blobs.create(key, Buffer.from("after"));
      expect(await place.store.blobs.getToFile(key, path)).toBe(true);
      expect(await readFile(path, "utf8")).toBe("after");
    });

    it("names a local file that cannot be read", async () => {
      const missing = join(place.folder, "missing");
      await expect(place.store.blobs.createFromFile(`${place.createPrefix()}x`, missing)).rejects.toMatchObject({
        code: "misconfigured",
        message: expect.stringContaining(missing),
      });
    });
  });
}
