import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Place, Share } from "../../src/api/admission/share.js";

const toHolder = (tenant_id: string, actor_id = "a") => ({ tenant_id, actor_id });

/** Takes places until it is refused. Returns them. */
function takeAll(share: Share, who: { tenant_id: string; actor_id: string }): Place[] {
  const places: Place[] = [];
  for (;;) {
    const place = share.take(who);
    if (place.kind !== "place") return places;
    places.push(place);
  }
}

describe("a share of places", () => {
  it("leaves places for other actors and tenants under any demand of one", () => {
    const share = new Share(64);
    expect(takeAll(share, toHolder("loud")).length).toBe(45);
    expect(share.take(toHolder("loud"))).toEqual({ kind: "share" });
    expect(takeAll(share, toHolder("loud", "b")).length).toBeGreaterThan(0);
    expect(share.held).toBeLessThanOrEqual(48);
    for (const next of ["second", "third", "fourth"]) expect(takeAll(share, toHolder(next)).length).toBeGreaterThan(0);
  });

  it("refuses everyone as full once every place is taken", () => {
    const share = new Share(2);
    const [first] = [share.take(toHolder("one")), share.take(toHolder("two"))];
    expect([share.take(toHolder("one")), share.take(toHolder("new"))]).toEqual([{ kind: "full" }, { kind: "full" }]);
    if (first?.kind === "place") first.release();
    expect(share.take(toHolder("new")).kind).toBe("place");
  });

  it("never exceeds its places, never refuses a new tenant while one is free, and gets every place back", () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 3 }), fc.boolean()), { maxLength: 300 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), steps, (max, all) => {
        const share = new Share(max);
        const held: Place[] = [];
        for (const [tenant, actor, gives] of all) {
          if (gives) {
            const place = held.shift();
            place?.release();
            place?.release();
          } else {
            const place = share.take(toHolder(`t${tenant}`, `a${actor}`));
            if (place.kind === "place") held.push(place);
          }
          expect(share.held).toBe(held.length);
          expect(held.length).toBeLessThanOrEqual(max);
          expect(share.checkPlace(toHolder("newcomer")) === undefined).toBe(held.length < max);
        }
        for (const place of held) place.release();
        expect([share.held, takeAll(share, toHolder("t0")).length > 0]).toEqual([0, true]);
      }),
    );
  });
});
