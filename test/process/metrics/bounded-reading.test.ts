import { describe, expect, it } from "vitest";
import { boundedReading } from "../../../src/process/metrics/bounded-reading.js";

const HOUR_MS = 3_600_000;

describe("a reading that scrapes take", () => {
  it("asks once for scrapes that come together, and gives all of them the answer", async () => {
    let asked = 0;
    let answer: (value: number) => void = () => undefined;
    const read = boundedReading(
      () => {
        asked += 1;
        return new Promise<number>((resolve) => (answer = resolve));
      },
      { every_ms: HOUR_MS, max_ms: HOUR_MS },
    );
    const scrapes = [read(), read(), read()];
    answer(7);
    expect(await Promise.all(scrapes)).toEqual([7, 7, 7]);
    expect(await read()).toBe(7);
    expect(asked).toBe(1);
  });

  it("asks again when its time is over", async () => {
    let asked = 0;
    const read = boundedReading(async () => ++asked, { every_ms: 0, max_ms: HOUR_MS });
    expect([await read(), await read()]).toEqual([1, 2]);
  });

  it("goes without an answer that does not come, or comes as an error", async () => {
    const never = boundedReading(() => new Promise<number>(() => undefined), { every_ms: HOUR_MS, max_ms: 10 });
    expect(await never()).toBeUndefined();
    const broken = boundedReading(() => Promise.reject(new Error("away")), { every_ms: HOUR_MS, max_ms: HOUR_MS });
    expect(await broken()).toBeUndefined();
  });
});
