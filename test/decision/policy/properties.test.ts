import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { Policy } from "../../../src/decision/policy/policy.js";
import { LEVELS } from "../../../src/domain/level.js";
import type { ActInput, Decision, StatementInput } from "../../../src/domain/policy/policy-contract.js";
import { anyAct, level } from "./arbitraries.js";
import { APPROVAL, act, committedPolicy, PUSH, rulesOf } from "./inputs.js";

let policy: Policy;
beforeAll(async () => {
  policy = await committedPolicy();
});

const rank = (of: Decision) => (of.level === null ? -1 : LEVELS.indexOf(of.level));

describe("for every act", () => {
  test("risk never lowers a level, nor lets through what is denied", () => {
    fc.assert(
      fc.property(anyAct, level, (input, risk) => {
        const plain = policy.decide(input);
        const asked = policy.decide({ ...input, risk });
        expect(rank(asked)).toBe(plain.level === null ? -1 : Math.max(rank(plain), LEVELS.indexOf(risk)));
        if (!plain.allowed) expect(asked.allowed).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test("a branch name that no pattern fits is denied, whatever is done to it", () => {
    const known = /^(?:feature\/.|review\/.|release\/.|main$)/su;
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), anyAct, (name, input) => {
        fc.pre(!known.test(name));
        const decision = policy.decide({
          ...input,
          job_type: "git.registry.push",
          params: { branch: name },
        });
        expect(decision.allowed).toBe(false);
        expect(rulesOf(decision)).toContain("branch.unknown");
      }),
      { numRuns: 500 },
    );
  });

  test("every name below feature/ is judged like feature/x, at any depth", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 }), (rest) => {
        expect(policy.decide(act({ params: { branch: `feature/${rest}` } }))).toMatchObject({ allowed: true, level: "L1", requires: [] });
      }),
    );
  });

  test("from L3 on nothing goes forward without a card and an approval, from L4 on without step-up, at L5 without two persons", () => {
    fc.assert(
      fc.property(anyAct, fc.option(level, { nil: undefined }), (input, risk) => {
        const decision = policy.decide({ ...input, risk });
        if (!decision.allowed || rank(decision) < 3) return;
        const approvals = decision.requires.find((item) => item.kind === "approvals");
        expect(decision.requires[0]).toEqual({ kind: "card" });
        expect(approvals?.count).toBeGreaterThanOrEqual(rank(decision) === 5 ? 2 : 1);
        expect(approvals?.step_up).toBe(rank(decision) >= 4);
      }),
      { numRuns: 500 },
    );
  });
});

/** One member of a valid request replaced by anything, so that garbage comes close to what is allowed. */
function spoilt<T extends object>(valid: T): fc.Arbitrary<unknown> {
  return fc
    .tuple(
      fc.constantFrom(...Object.keys(valid)),
      fc.oneof(fc.anything({ withBigInt: true, withDate: true, withMap: true }), fc.constant(undefined)),
    )
    .map(([key, value]) => ({ ...valid, [key]: value }));
}

describe("garbage", () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withNullPrototype: true,
  });

  test("never throws, and is never allowed", () => {
    fc.assert(
      fc.property(anything, (input) => {
        expect(policy.decide(input as ActInput).allowed).toBe(false);
        expect(policy.admit(input as StatementInput).counts).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  test("in one member of a valid request never throws, and loosens nothing", () => {
    fc.assert(
      fc.property(spoilt(PUSH), spoilt(APPROVAL), (input, statement) => {
        const decision = policy.decide(input as ActInput);
        if (decision.allowed) expect(rank(decision)).toBeGreaterThanOrEqual(1);
        const admission = policy.admit(statement as StatementInput);
        expect(admission.reasons.length).toBeGreaterThan(0);
        if (admission.counts && (statement as StatementInput).decision === "approve")
          expect(LEVELS.indexOf((statement as StatementInput).level) < 4 || (statement as StatementInput).step_up).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test.each<[string, () => unknown]>([
    [
      "a cycle",
      () => {
        const loop: Record<string, unknown> = {};
        loop.self = loop;
        return loop;
      },
    ],
    ["nesting of 5000 levels", () => Array.from({ length: 5000 }).reduce<unknown>((inner) => [inner], 1)],
    ["a lone surrogate", () => "feature/\ud800"],
    ["a big integer", () => 10n],
    ["four million characters", () => "x".repeat(4_000_000)],
    [
      "a getter that throws",
      () =>
        Object.defineProperty({}, "x", {
          enumerable: true,
          get: () => {
            throw new Error("no");
          },
        }),
    ],
  ])("in params: %s is denied as malformed, and the next request is judged as ever", (_name, make) => {
    expect(rulesOf(policy.decide(act({ params: { branch: "feature/x", extra: make() } })))).toEqual(["input.malformed"]);
    expect(policy.decide(PUSH).allowed).toBe(true);
  });
});
