import { describe, expect, it } from "vitest";
import { createBoundedReading } from "../../../src/process/metrics/bounded-reading.js";

const HOUR_MS = 3_600_000;

describe("a reading that scrapes take", () => {
  it("asks once for scrapes that come together, and gives all of them the answer", async () => {
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

  it("asks again when its time is over", async () => {
    let asked = 0;
    const read = createBoundedReading(async () => ++asked, { everyMs: 0, maxMs: HOUR_MS });
    expect([await read(), await read()]).toEqual([1, 2]);
  });

  it("goes without an answer that does not come, or comes as an error", async () => {
    const never = createBoundedReading(() => new Promise<number>(() => undefined), { everyMs: HOUR_MS, maxMs: 10 });
    expect(await never()).toBeUndefined();
    const broken = createBoundedReading(() => Promise.reject(new Error("away")), { everyMs: HOUR_MS, maxMs: HOUR_MS });
    expect(await broken()).toBeUndefined();
  });
});
