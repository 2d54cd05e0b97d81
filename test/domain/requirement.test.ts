import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Approval, listMissingRequirements } from "../../src/domain/card/requirement.js";
import type { Requirement } from "../../src/domain/policy/policy-contract.js";
import { DIGEST, OTHER_DIGEST } from "./samples.js";

const buildQuorum = (change: Partial<Extract<Requirement, { kind: "approvals" }>> = {}): Requirement => ({
  kind: "approvals",
  count: 2,
  roles: {},
  step_up: false,
  excludes: [],
  ...change,
});

const buildApprovalBy = (person: string, change: Partial<Approval> = {}): Approval => ({
  statement_digest: DIGEST,
  plan_digest: DIGEST,
  actor_id: `ubl:sid:person:${person}`,
  person_id: person,
  office_id: "office::default",
  roles: [],
  step_up: false,
  at_ms: 0,
  ...change,
});

const count = (requirements: readonly Requirement[], approvals: readonly Approval[]): number =>
  listMissingRequirements(requirements, DIGEST, approvals, []).reduce((sum, one) => sum + one.missing, 0);

describe("a quorum", () => {
  test("counts a person once with any number of actors, offices or statements", () => {
    const same = [
      buildApprovalBy("ann"),
      buildApprovalBy("ann", { actor_id: "ubl:sid:person:ann2", office_id: "office:security", statement_digest: OTHER_DIGEST }),
    ];
    expect(count([buildQuorum()], same)).toBe(1);
    expect(count([buildQuorum()], [...same, buildApprovalBy("bob")])).toBe(0);
  });

  test("with step-up counts only approvals with a step-up", () => {
    expect(count([buildQuorum({ step_up: true })], [buildApprovalBy("ann"), buildApprovalBy("bob", { step_up: true })])).toBe(1);
    expect(
      count([buildQuorum({ step_up: true })], [buildApprovalBy("ann", { step_up: true }), buildApprovalBy("bob", { step_up: true })]),
    ).toBe(0);
  });

  test("with places for a role is filled only by persons who hold it", () => {
    const needs = [buildQuorum({ roles: { "release-manager": 2 } })];
    expect(
      count(needs, [
        buildApprovalBy("ann", { roles: ["release-managers", "security"] }),
        buildApprovalBy("bob", { roles: ["release-manager"] }),
      ]),
    ).toBe(1);
    expect(count(needs, [buildApprovalBy("ann"), buildApprovalBy("bob")])).toBe(2);
  });

  // Ann holds both roles and brings a friend who holds none.
  test("with places for two roles needs a person for each", () => {
    const needs = [buildQuorum({ roles: { owner: 1, security: 1 } })];
    const ann = buildApprovalBy("ann", { roles: ["owner", "security"] });
    expect(count(needs, [ann, buildApprovalBy("bob")])).toBe(1);
    expect(count(needs, [ann, buildApprovalBy("ann", { roles: ["security"], office_id: "office:security" }), buildApprovalBy("bob")])).toBe(
      1,
    );
    for (const roles of [["owner"], ["security"]]) expect(count(needs, [ann, buildApprovalBy("bob", { roles })])).toBe(0);
  });

  test("counts a person's roles in all offices in which the person approved", () => {
    const needs = [buildQuorum({ count: 1, roles: { security: 1 } })];
    const said = [buildApprovalBy("ann"), buildApprovalBy("ann", { roles: ["security"], office_id: "office:security" })];
    expect(count(needs, said)).toBe(0);
    expect(count(needs, said.slice(0, 1))).toBe(1);
  });

  test("does not count approvals of another plan", () => {
    expect(count([buildQuorum()], [buildApprovalBy("ann", { plan_digest: OTHER_DIGEST }), buildApprovalBy("bob")])).toBe(1);
  });
});

describe("other requirements", () => {
  test("an attestation counts for its own plan and type", () => {
    const needs: Requirement[] = [{ kind: "attestation", predicate_type: "https://slsa.dev/provenance/v1" }];
    const buildAttestation = (plan_digest: string, predicate_type: string) =>
      listMissingRequirements(needs, DIGEST, [], [{ plan_digest, predicate_type }]);
    expect(buildAttestation(DIGEST, "https://slsa.dev/provenance/v1")).toEqual([]);
    expect(buildAttestation(OTHER_DIGEST, "https://slsa.dev/provenance/v1")).toHaveLength(1);
    expect(buildAttestation(DIGEST, "https://slsa.dev/provenance/v0.2")).toHaveLength(1);
  });

  test("a card requirement is always fulfilled for a card", () => {
    expect(listMissingRequirements([{ kind: "card" }], DIGEST, [], [])).toEqual([]);
  });

  test("missing requirements are described in words", () => {
    const toTexts = (need: Requirement, said: readonly Approval[] = []) =>
      listMissingRequirements([need], DIGEST, said, []).map((one) => one.text);
    const places = buildQuorum({ roles: { owner: 1, security: 1 }, step_up: true });
    expect(toTexts(places)).toEqual(["2 more approvals with step-up, each in the role owner or security"]);
    const both = buildApprovalBy("ann", { roles: ["owner", "security"], step_up: true });
    expect(toTexts(places, [both])).toEqual(["1 more approval with step-up, in the role owner or security"]);
    expect(toTexts(places, [{ ...both, roles: ["owner"] }])).toEqual(["1 more approval with step-up, in the role security"]);
    expect(toTexts(buildQuorum({ roles: { security: 1 } }))).toEqual(["2 more approvals, 1 of them in the role security"]);
    expect(toTexts(buildQuorum({ count: 1 }))).toEqual(["1 more approval"]);
  });
});

describe("for any requirements and approvals", () => {
  const role = fc.constantFrom("security", "release-manager", "auditor");
  const places = fc.dictionary(role, fc.integer({ min: 1, max: 2 }), { noNullPrototype: true });
  const requirement: fc.Arbitrary<Requirement> = fc.oneof(
    fc.record({ count: fc.integer({ min: 1, max: 4 }), roles: places, step_up: fc.boolean() }).map(buildQuorum),
    fc.constant<Requirement>({ kind: "card" }),
    fc.constant<Requirement>({ kind: "attestation", predicate_type: "t" }),
  );
  const toApprovalArbitrary = (plan: fc.Arbitrary<string>) =>
    fc
      .record({
        person: fc.constantFrom("ann", "bob", "cleo", "dan"),
        roles: fc.subarray(["security", "release-manager", "auditor"]),
        step_up: fc.boolean(),
        plan_digest: plan,
      })
      .map(({ person, ...rest }) => buildApprovalBy(person, rest));
  const requirements = fc.array(requirement, { maxLength: 4 });
  const approvals = fc.array(toApprovalArbitrary(fc.constantFrom(DIGEST, OTHER_DIGEST)), { maxLength: 8 });
  const listMissing = (needs: readonly Requirement[], said: readonly Approval[]) => listMissingRequirements(needs, DIGEST, said, []);

  test("an additional approval never increases what is missing", () => {
    fc.assert(
      fc.property(requirements, approvals, toApprovalArbitrary(fc.constant(DIGEST)), (needs, said, more) => {
        expect(count(needs, [...said, more])).toBeLessThanOrEqual(count(needs, said));
      }),
    );
  });

  test("an approval of another plan changes nothing", () => {
    fc.assert(
      fc.property(requirements, approvals, toApprovalArbitrary(fc.constant(OTHER_DIGEST)), (needs, said, other) => {
        expect(listMissing(needs, [...said, other])).toEqual(listMissing(needs, said));
      }),
    );
  });

  test("order and repetition of approvals change nothing", () => {
    fc.assert(
      fc.property(requirements, approvals, (needs, said) => {
        expect(listMissing(needs, [...said, ...said].reverse())).toEqual(listMissing(needs, said));
      }),
    );
  });

  test("a person's second approval without further properties fulfils nothing more", () => {
    fc.assert(
      fc.property(requirements, approvals, (needs, said) => {
        const again = said.map((one) => ({
          ...one,
          actor_id: "ubl:sid:person:alias",
          office_id: "office:other",
          statement_digest: OTHER_DIGEST,
        }));
        expect(listMissing(needs, [...said, ...again])).toEqual(listMissing(needs, said));
      }),
    );
  });

  /** The most places that persons can fill, tried one assignment after another. */
  const fillMost = (open: readonly string[], persons: readonly (readonly string[])[]): number => {
    const [first, ...others] = persons;
    if (first === undefined) return 0;
    const chosen = open.map((role, at) => (first.includes(role) ? 1 + fillMost(open.toSpliced(at, 1), others) : 0));
    return Math.max(fillMost(open, others), ...chosen);
  };

  test("nothing is missing only if every quorum has enough distinct persons, and one for each place", () => {
    fc.assert(
      fc.property(requirements, approvals, (needs, said) => {
        for (const need of needs) {
          if (need.kind !== "approvals") continue;
          const fit = said.filter((one) => one.plan_digest === DIGEST && (one.step_up || !need.step_up));
          const persons = [...new Set(fit.map((one) => one.person_id))];
          const roles = persons.map((id) => fit.filter((one) => one.person_id === id).flatMap((one) => one.roles));
          const open = Object.entries(need.roles).flatMap(([role, n]) => Array.from({ length: n }, () => role));
          expect(count([need], said)).toBe(Math.max(0, need.count - persons.length, open.length - fillMost(open, roles)));
        }
      }),
    );
  });
});
