import { describe, expect, it } from "vitest";
import { toActRef, toEndedActRef } from "../../src/domain/git/ref-name.js";
import { findLastAct, findPreviousAct, recordAct } from "../../src/repository/refs/act-records.js";
import { parsePackedRefs, type RefTarget, serialisePackedRefs } from "../../src/repository/refs/packed-refs.js";

const TARGET = { id: "a".repeat(40) };
const [ONE, TWO, THREE] = [1, 2, 3].map((at) => `0190a0b0-0000-7000-8000-00000000000${at}`) as [string, string, string];

describe("the records of acts in the refs", () => {
  it("name no act in refs that no act wrote", () => {
    expect(findLastAct(new Map())).toBeNull();
    expect(findLastAct(new Map([[toEndedActRef(ONE), TARGET]]))).toBeNull();
  });

  it("name the last act, and the act before each recorded one", () => {
    const refs = new Map<string, RefTarget>();
    expect([ONE, TWO, THREE].map((jti) => recordAct(refs, jti, TARGET))).toEqual([null, ONE, TWO]);
    const stored = parsePackedRefs(serialisePackedRefs(refs));
    expect(findLastAct(stored)).toBe(THREE);
    expect([ONE, TWO, THREE].map((jti) => findPreviousAct(stored, jti))).toEqual([null, ONE, TWO]);
  });

  it("forget what came before an act whose record is removed, but not which act was the last", () => {
    const refs = new Map<string, RefTarget>();
    for (const jti of [ONE, TWO]) recordAct(refs, jti, TARGET);
    refs.delete(toActRef(ONE));
    refs.delete(toActRef(TWO));
    expect(recordAct(refs, THREE, TARGET)).toBe(TWO);
    expect(findPreviousAct(refs, TWO)).toBeNull();
    expect(findPreviousAct(refs, THREE)).toBe(TWO);
  });
});
