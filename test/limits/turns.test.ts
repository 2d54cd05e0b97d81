import { describe, expect, it } from "vitest";
import type { Place } from "../../src/api/admission/share.js";
import { Turns } from "../../src/api/admission/turns.js";

const LONG_MS = 60_000;
const toHolder = (tenant_id: string, actor_id = "a") => ({ tenant_id, actor_id });

/** Requests places and records the order in which they are granted. */
function queue(turns: Turns) {
  const served: string[] = [];
  const places: Place[] = [];
  const ask = (tenant: string, actor = "a", name = tenant) =>
    void turns.take(toHolder(tenant, actor), LONG_MS).then((place) => {
      if (place === undefined) return;
      served.push(name);
      places.push(place);
    });
  const waitForTurns = () => new Promise((resolve) => setImmediate(resolve));
  const releaseFirst = async () => {
    places.shift()?.release();
    await waitForTurns();
  };
  return { served, ask, settled: waitForTurns, releaseFirst, places };
}

describe("turns", () => {
  it("keep a place for a new tenant beside a busy one, and serve it first", async () => {
    const { served, ask, settled, places } = queue(new Turns(6));
    for (let n = 0; n < 20; n += 1) ask("loud");
    await settled();
    const first = served.length;
    expect(first).toBeGreaterThan(1);
    expect(first).toBeLessThan(6);
    ask("quiet");
    await settled();
    expect(served.at(-1)).toBe("quiet");
    ask("quiet", "b", "quiet again");
    places.pop()?.release();
    await settled();
    expect(served.at(-1)).toBe("quiet again");
  });

  it("give a busy tenant half of the places while another is active, and more again ten seconds later", async () => {
    let nowMs = 0;
    const { served, ask, settled, releaseFirst, places } = queue(new Turns(8, () => nowMs));
    for (let n = 0; n < 40; n += 1) ask("loud");
    await settled();
    expect(served.length).toBe(6);
    ask("quiet");
    await settled();
    expect(served.at(-1)).toBe("quiet");
    while (places.length > 3) await releaseFirst();
    const countRunning = () => places.length;
    await releaseFirst();
    expect(countRunning()).toBe(3);
    nowMs += 10_001;
    ask("loud");
    await releaseFirst();
    expect(countRunning()).toBe(6);
  });

  it("give each of many tenants one place, up to the last place", async () => {
    const { served, ask, settled } = queue(new Turns(4));
    for (const tenant of ["a", "b", "c", "d", "e"]) ask(tenant);
    await settled();
    expect(served).toEqual(["a", "b", "c", "d"]);
  });

  it("serve the requests of one tenant in order of arrival", async () => {
    const { served, ask, settled, releaseFirst, places } = queue(new Turns(2));
    for (let n = 0; n < 5; n += 1) ask("one", "a", `act ${n}`);
    await settled();
    while (places.length > 0) await releaseFirst();
    expect(served).toEqual(["act 0", "act 1", "act 2", "act 3", "act 4"]);
  });

  it("end a wait after its timeout, and skip a waiter that has left", async () => {
    const turns = new Turns(1);
    const held = await turns.take(toHolder("one"), LONG_MS);
    expect(await turns.take(toHolder("two"), 20)).toBeUndefined();
    held?.release();
    held?.release();
    expect(await turns.take(toHolder("three"), LONG_MS)).toMatchObject({ kind: "place" });
    expect(await turns.take(toHolder("four"), 20)).toBeUndefined();
  });
});
