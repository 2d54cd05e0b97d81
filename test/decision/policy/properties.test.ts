import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { Policy } from "../../../src/decision/policy/policy.js";
import { LEVELS } from "../../../src/domain/level.js";
import type { ActInput, Decision, StatementInput } from "../../../src/domain/policy/policy-contract.js";
import { chooseRuns } from "../../harness/campaign.js";
import { anyAct, level } from "./arbitraries.js";
import { APPROVAL, buildAct, buildPerson, buildStatementInput, listRules, loadCommittedPolicy, PUSH } from "./inputs.js";

let policy: Policy;
beforeAll(async () => {
  policy = await loadCommittedPolicy();
});

const toRank = (of: Decision) => (of.level === null ? -1 : LEVELS.indexOf(of.level));

describe("for every act", () => {
  test("risk never lowers a level and never allows a denied act", () => {
    fc.assert(
      fc.property(anyAct, level, (input, risk) => {
        const plain = policy.decide(input);
        const asked = policy.decide({ ...input, risk });
        expect(toRank(asked)).toBe(plain.level === null ? -1 : Math.max(toRank(plain), LEVELS.indexOf(risk)));
        if (!plain.allowed) expect(asked.allowed).toBe(false);
      }),
      chooseRuns(500),
    );
  });

  test("break-glass is L5 or denied, and allows no act of an enabled project that is denied without it", () => {
    fc.assert(
      fc.property(anyAct, (input) => {
        const plain = policy.decide(input);
        const emergency = policy.decide({ ...input, break_glass: true });
        if (emergency.allowed) expect([emergency.level, plain.allowed]).toEqual(["L5", true]);
      }),
      chooseRuns(500),
    );
  });

  test("a branch name that no pattern matches is denied", () => {
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
        expect(listRules(decision)).toContain("branch.unknown");
      }),
      chooseRuns(500),
    );
  });

  test("a branch below feature/ is decided like feature/x at any depth", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 }), (rest) => {
        expect(policy.decide(buildAct({ params: { branch: `feature/${rest}` } }))).toMatchObject({
          allowed: true,
          level: "L1",
          requires: [],
        });
      }),
    );
  });

  test("L3 and above require a card and an approval, L4 and above also a step-up, and L5 two persons", () => {
    fc.assert(
      fc.property(anyAct, fc.option(level, { nil: undefined }), (input, risk) => {
        const decision = policy.decide({ ...input, risk });
        if (!decision.allowed || toRank(decision) < 3) return;
        const approvals = decision.requires.find((item) => item.kind === "approvals");
        expect(decision.requires[0]).toEqual({ kind: "card" });
        expect(approvals?.count).toBeGreaterThanOrEqual(toRank(decision) === 5 ? 2 : 1);
        expect(approvals?.step_up).toBe(toRank(decision) >= 4);
      }),
      chooseRuns(500),
    );
  });
});

/** Replaces one member of a valid request by any value, so that the request is almost valid. Keeps the members `kept`. */
function replaceAnyMember<T extends object>(valid: T, kept: readonly string[] = []): fc.Arbitrary<unknown> {
  return fc
    .tuple(
      fc.constantFrom(...Object.keys(valid).filter((name) => !kept.includes(name))),
      fc.oneof(fc.anything({ withBigInt: true, withDate: true, withMap: true }), fc.constant(undefined)),
    )
    .map(([key, value]) => ({ ...valid, [key]: value }));
}

describe("an invalid value", () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withNullPrototype: true,
  });

  test("as a request is never allowed and never throws", () => {
    fc.assert(
      fc.property(anything, (input) => {
        expect(policy.decide(input as ActInput).allowed).toBe(false);
        expect(policy.admit(input as StatementInput).counts).toBe(false);
      }),
      chooseRuns(1000),
    );
  });

  test.each<[string, ActInput]>([
    ["a push", PUSH],
    ["a forced push to main", buildAct({ params: { branch: "main" } }, { force: true, fast_forward: false })],
    ["a release", buildAct({ job_type: "git.registry.tag_release", params: { tag: "v1.0.0" } })],
    ["a plain push to main", buildAct({ params: { branch: "main" } })],
    ["a push through an office that the actor does not hold", buildAct({ member_offices: ["office::agents"] })],
  ])("in one member of %s never lowers the requirements", (_name, valid) => {
    const before = policy.decide(valid);
    // A card at a low level requires an additional approval, and break-glass has requirements of its own.
    fc.assert(
      fc.property(replaceAnyMember(valid, ["has_card", "break_glass"]), (input) => {
        const decision = policy.decide(input as ActInput);
        if (!decision.allowed) return;
        expect(before.allowed).toBe(true);
        expect(toRank(decision)).toBeGreaterThanOrEqual(toRank(before));
        expect(decision.requires).toEqual(before.requires);
      }),
      chooseRuns(500),
    );
  });

  test.each<[string, StatementInput, (keyof StatementInput)[]]>([
    ["by the card's author", buildStatementInput({ actor: buildPerson("ana") }), ["actor", "card"]],
    ["by a pusher of its commits", buildStatementInput({ actor: buildPerson("carl") }), ["actor", "card"]],
    ["without step-up at L4", buildStatementInput({ step_up: false }), ["step_up", "level"]],
    ["by an agent", buildStatementInput({ actor: { ...APPROVAL.actor, kind: "agent" } }), ["actor"]],
    [
      "through an office that the actor does not hold",
      buildStatementInput({ member_offices: ["office::default"] }),
      ["member_offices", "office_id"],
    ],
  ])("in one member of an approval %s never makes it count", (_name, valid, grounds) => {
    expect(policy.admit(valid).counts).toBe(false);
    fc.assert(
      fc.property(replaceAnyMember(valid, [...grounds, "decision"]), (statement) => {
        expect(policy.admit(statement as StatementInput).counts).toBe(false);
      }),
      chooseRuns(500),
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
  ])("in params such as %s is denied as malformed and does not affect the next request", (_name, make) => {
    expect(listRules(policy.decide(buildAct({ params: { branch: "feature/x", extra: make() } })))).toEqual(["input.malformed"]);
    expect(policy.decide(PUSH).allowed).toBe(true);
  });
});
