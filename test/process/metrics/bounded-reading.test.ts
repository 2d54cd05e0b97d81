import { describe, expect, it } from "vitest";
import { createBoundedReading } from "../../../src/process/metrics/bounded-reading.js";

const HOUR_MS = 3_600_000;

describe("a bounded reading for scrapes", () => {
  it("reads once for concurrent scrapes and returns the value to all", async () => {
    let asked = 0;
    let answer: (value: number) => void = () => undefined;
    const read = createBoundedReading(
      () => {
        asked += 1;
        return new Promise<number>((resolve) => (answer = resolve));
      },
      { everyMs: HOUR_MS, maxMs: HOUR_MS },
    );
    const scrapes = [read(), read(), read()];
    answer(7);
    expect(await Promise.all(scrapes)).toEqual([7, 7, 7]);
    expect(await read()).toBe(7);
    expect(asked).toBe(1);
  });

  it("reads again when the value is too old", async () => {
    let asked = 0;
    const read = createBoundedReading(async () => ++asked, { everyMs: 0, maxMs: HOUR_MS });
    expect([await read(), await read()]).toEqual([1, 2]);
  });

  it("returns no value if the read hangs or fails", async () => {
    const never = createBoundedReading(() => new Promise<number>(() => undefined), { everyMs: HOUR_MS, maxMs: 10 });
    expect(await never()).toBeUndefined();
    const broken = createBoundedReading(() => Promise.reject(new Error("away")), { everyMs: HOUR_MS, maxMs: HOUR_MS });
    expect(await broken()).toBeUndefined();
  });
});
