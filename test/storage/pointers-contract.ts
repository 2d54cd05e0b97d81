import { describe, expect, it } from "vitest";
import type { ObjectStore } from "../../src/storage/ports.js";
import { countOutcomes, type Place, readBlobText, readPointer, swapOrThrow } from "./place.js";

const writers = 64;

/** The contract of every backend for compare-and-swap. */
export function describePointersContract(place: Place): void {
  describe("pointers", () => {
    it("are swapped from version to version, and a swap from a stale version loses", async () => {
      const key = `${place.createPrefix("repos")}packed-refs`;
      expect(await place.store.pointers.read(key)).toBeUndefined();
      const first = await swapOrThrow(place.store, key, null, "one");
      expect(await readPointer(place.store, key)).toEqual({ text: "one", version: first });
      const second = await swapOrThrow(place.store, key, first, "two");
      expect(await place.store.pointers.swap(key, first, Buffer.from("stale"))).toEqual({ won: false });
      expect(await place.store.pointers.swap(key, null, Buffer.from("anew"))).toEqual({ won: false });
      expect(await readPointer(place.store, key)).toEqual({ text: "two", version: second });
    });

    it("are not swapped if the expected key does not exist", async () => {
      const version = await swapOrThrow(place.store, `${place.createPrefix()}elsewhere`, null, "x");
      const key = `${place.createPrefix()}absent`;
      expect(await place.store.pointers.swap(key, version, Buffer.from("x"))).toEqual({ won: false });
      expect(await place.store.pointers.read(key)).toBeUndefined();
    });

    it("let exactly one of 64 concurrent swaps of one version win, and store its bytes", async () => {
      const key = `${place.createPrefix("repos")}packed-refs`;
      const version = await swapOrThrow(place.store, key, null, "start");
      for (const round of ["first", "second"]) {
        const expected = round === "first" ? version : ((await readPointer(place.store, key))?.version ?? "");
        const outcomes = await Promise.all(
          Array.from({ length: writers }, (_, number) => place.store.pointers.swap(key, expected, Buffer.from(`${round} ${number}`))),
        );
        expect(countOutcomes(outcomes.map((outcome) => String(outcome.won)))).toEqual({ true: 1, false: writers - 1 });
        expect((await readPointer(place.store, key))?.text).toBe(`${round} ${outcomes.findIndex((outcome) => outcome.won)}`);
      }
    });

    it("let exactly one of 64 concurrent swaps of an absent key win", async () => {
      const key = `${place.createPrefix("repos")}packed-refs`;
      const outcomes = await Promise.all(
        Array.from({ length: writers }, (_, number) => place.store.pointers.swap(key, null, Buffer.from(`writer ${number}`))),
      );
      expect(countOutcomes(outcomes.map((outcome) => String(outcome.won)))).toEqual({ true: 1, false: writers - 1 });
      expect((await readPointer(place.store, key))?.text).toBe(`writer ${outcomes.findIndex((outcome) => outcome.won)}`);
    });

    it("lose no update of a counter that is incremented through two open stores", async () => {
      const other = await place.open();
      const key = `${place.createPrefix()}counter`;
      await swapOrThrow(place.store, key, null, "0");
      const increment = async (through: ObjectStore): Promise<void> => {
        for (;;) {
          const before = await through.pointers.read(key);
          const next = Number(Buffer.from(before?.bytes ?? []).toString()) + 1;
          if ((await through.pointers.swap(key, before?.version ?? null, Buffer.from(`${next}`))).won) {
            return;
          }
        }
      };
      await Promise.all(Array.from({ length: 24 }, (_, number) => increment(number % 2 === 0 ? place.store : other)));
      expect((await readPointer(place.store, key))?.text).toBe("24");
      await other.close();
    });

    it("can swap a key that was created as a blob", async () => {
      const key = `${place.createPrefix("claims")}jti`;
      await place.store.blobs.create(key, Buffer.from("attempt 1"));
      const version = (await readPointer(place.store, key))?.version ?? "";
      await swapOrThrow(place.store, key, version, "attempt 2");
      expect(await readBlobText(place.store, key)).toBe("attempt 2");
      expect(await place.store.blobs.create(key, Buffer.from("attempt 3"))).toBe("exists");
    });
  });
}
