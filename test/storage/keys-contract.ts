import { randomInt } from "node:crypto";
import { describe, expect, it } from "vitest";
import { collectKeys, type Place, readBlobText } from "./place.js";

/** The contract of every backend for keys and their listing. */
export function describeKeysContract(place: Place): void {
  describe("keys", () => {
    const odd = ["a b", "a+b", "a%2Fb", "%", "ü", "日本", "𝕏", "a&b<c>", "it's(1)!*", "~", "a=b?c#d", "0123", "\uFFFD", "sp "];

    it("stores keys with unusual characters separately and lists them unchanged", async () => {
      const prefix = place.createPrefix();
      for (const name of odd) {
        expect(await place.store.blobs.create(`${prefix}${name}/leaf`, Buffer.from(name))).toBe("created");
      }
      for (const name of odd) {
        expect(await readBlobText(place.store, `${prefix}${name}/leaf`)).toBe(name);
        expect(await collectKeys(place.store.blobs.list(`${prefix}${name}/`))).toEqual([`${prefix}${name}/leaf`]);
      }
      expect((await collectKeys(place.store.blobs.list(prefix))).sort()).toEqual(odd.map((name) => `${prefix}${name}/leaf`).sort());
    });

    it("lists a name that looks like a number unchanged", async () => {
      const name = `0${randomInt(10 ** 9)}`;
      await place.store.blobs.create(`claims/${name}`, Buffer.from(name));
      expect(await collectKeys(place.store.blobs.list(`claims/${name}`))).toEqual([`claims/${name}`]);
    });

    it.each([
      ["an unknown space", "elsewhere/T.UBL/x"],
      ["no space", "x"],
      ["no characters", ""],
      ["only a space", "claims/"],
      ["an empty segment", "claims//x"],
      ["a slash at the end", "claims/T.UBL/"],
      ["a dot", "claims/./x"],
      ["two dots", "claims/T.UBL/../T.OTHER/x"],
      ["a backslash", "claims/T.UBL\\x"],
      ["a NUL", "claims/T.UBL/x\0"],
      ["a lone surrogate", "claims/T.UBL/\uD800"],
      ["more than 1024 bytes", `claims/${"segment/".repeat(130)}x`],
      ["a segment of more than 255 bytes", `claims/${"ü".repeat(128)}`],
    ])("refuses a key with %s without a write", async (_what, key) => {
      const denied = { name: "StorageFault", code: "denied", key: expect.any(String) };
      await expect(place.store.blobs.get(key)).rejects.toMatchObject(denied);
      await expect(place.store.blobs.stat(key)).rejects.toMatchObject(denied);
      await expect(place.store.blobs.create(key, Buffer.from("x"))).rejects.toMatchObject(denied);
      await expect(place.store.pointers.read(key)).rejects.toMatchObject(denied);
      await expect(place.store.pointers.swap(key, null, Buffer.from("x"))).rejects.toMatchObject(denied);
      await expect(place.store.pointers.swap(key, "v", Buffer.from("x"))).rejects.toMatchObject(denied);
    });
  });

  describe("list", () => {
    it("returns more than one page of 1,000 keys, each once, in byte order", async () => {
      const prefix = place.createPrefix("receipts");
      const keys = Array.from({ length: 1_002 }, (_, number) => `${prefix}${number % 7}/${number}`);
      const queue = [...keys];
      const createQueuedKeys = async (): Promise<void> => {
        for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
          await place.store.blobs.create(key, Buffer.from("x"));
        }
      };
      await Promise.all(Array.from({ length: 24 }, createQueuedKeys));
      expect(await collectKeys(place.store.blobs.list(prefix))).toEqual(keys.sort());
    });

    it("orders by bytes rather than folders or UTF-16, and accepts a prefix that ends anywhere", async () => {
      const prefix = place.createPrefix();
      const ordered = ["A", "a!", "a-b", "a.b", "a/b", "a/c/d", "a0", "ab", "é", "\uE000", "\u{10000}"].map((name) => `${prefix}${name}`);
      for (const key of ordered) {
        await place.store.blobs.create(key, Buffer.from("x"));
      }
      expect(await collectKeys(place.store.blobs.list(prefix))).toEqual(ordered);
      expect(await collectKeys(place.store.blobs.list(`${prefix}a`))).toEqual(ordered.slice(1, 8));
      expect(await collectKeys(place.store.blobs.list(`${prefix}a/c`))).toEqual([`${prefix}a/c/d`]);
      expect(await collectKeys(place.store.blobs.list(`${prefix}none/`))).toEqual([]);
    });

    it("can be stopped early", async () => {
      const prefix = place.createPrefix();
      await place.store.blobs.create(`${prefix}1`, Buffer.from("x"));
      await place.store.blobs.create(`${prefix}2`, Buffer.from("x"));
      for await (const key of place.store.blobs.list(prefix)) {
        expect(key).toBe(`${prefix}1`);
        break;
      }
    });

    it("refuses a prefix with .. or without a space", async () => {
      for (const prefix of ["", "claims", "elsewhere/", "claims/../repos/", "claims/T//"]) {
        await expect(async () => collectKeys(place.store.blobs.list(prefix))).rejects.toMatchObject({ code: "denied" });
      }
    });
  });
}
