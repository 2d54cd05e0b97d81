import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Approval, listMissingRequirements } from "../../src/domain/card/requirement.js";
import type { Requirement } from "../../src/domain/policy/policy-contract.js";
import { DIGEST, OTHER_DIGEST } from "./samples.js";

const buildQuorum = (change: Partial<Extract<Requirement, { kind: "approvals" }>> = {}): Requirement => ({
  kind: "approvals",
  count: 2,
  role: null,
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

  test("of a role counts only persons who hold it", () => {
    const needs = [buildQuorum({ role: "release-manager" })];
    expect(
      count(needs, [
        buildApprovalBy("ann", { roles: ["release-managers", "security"] }),
        buildApprovalBy("bob", { roles: ["release-manager"] }),
      ]),
    ).toBe(1);
    expect(count(needs, [buildApprovalBy("ann"), buildApprovalBy("bob")])).toBe(2);
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
    expect(listMissingRequirements([buildQuorum({ role: "security", step_up: true })], DIGEST, [], []).map((one) => one.text)).toEqual([
      "2 more approvals by the role security with step-up",
    ]);
    expect(listMissingRequirements([buildQuorum({ count: 1 })], DIGEST, [], []).map((one) => one.text)).toEqual(["1 more approval"]);
  });
});

describe("for any requirements and approvals", () => {
  const role = fc.constantFrom("security", "release-manager", "auditor");
  const requirement: fc.Arbitrary<Requirement> = fc.oneof(
    fc.record({ count: fc.integer({ min: 1, max: 4 }), role: fc.option(role), step_up: fc.boolean() }).map(buildQuorum),
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

  test("nothing is missing only if every quorum has enough distinct persons", () => {
    fc.assert(
      fc.property(requirements, approvals, (needs, said) => {
        for (const need of needs) {
          if (need.kind !== "approvals") continue;
          const fit = said.filter(
            (one) => one.plan_digest === DIGEST && (one.step_up || !need.step_up) && (need.role === null || one.roles.includes(need.role)),
          );
          const persons = new Set(fit.map((one) => one.person_id)).size;
          expect(count([need], said)).toBe(Math.max(0, need.count - persons));
        }
      }),
    );
  });
});
