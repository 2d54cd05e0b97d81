import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { replacePolicyData } from "../../../src/decision/policy/bytes.js";
import type { PolicyData } from "../../../src/decision/policy/data.js";
import { loadPolicy, type Policy } from "../../../src/decision/policy/policy.js";
import { LEVELS } from "../../../src/domain/level.js";
import type { Decision } from "../../../src/domain/policy/policy-contract.js";
import { chooseRuns } from "../../harness/campaign.js";
import { anyAct, offices } from "./arbitraries.js";
import { buildAct, buildActThrough, buildStatementInput, loadCommittedPolicy, readCommittedBytes } from "./inputs.js";

let bytes: Uint8Array;
let policy: Policy;
beforeAll(async () => {
  bytes = await readCommittedBytes();
  policy = await loadCommittedPolicy();
});

/** Decides a registration by the seed's policy with `changes` to the office that registers projects. */
async function decideDeployerWith(changes: Partial<Office>, data: Partial<PolicyData> = {}): Promise<Decision> {
  const office = policy.data.offices["office:infra.deployer"];
  if (office === undefined) throw new Error("The seed has no office:infra.deployer; add it.");
  const offices = { ...policy.data.offices, "office:infra.deployer": { ...office, ...changes } };
  const strict = await loadPolicy(replacePolicyData(bytes, { ...policy.data, ...data, offices }));
  return strict.decide(buildActThrough("office:infra.deployer", { job_type: "git.registry.init", params: {} }, { project_exists: false }));
}

test("an office can raise the count and require a step-up and roles", async () => {
  const decision = await decideDeployerWith({ approval_policy: { min_approvals: 3, step_up: true, roles: { owner: 1 } } });
  expect(decision.requires[1]).toMatchObject({ count: 3, step_up: true, roles: { owner: 1 } });
  expect(decision.reasons.at(-1)?.text).toBe("Level L3 needs a card, 3 approvals by different persons (1 in the role owner) with step-up.");
});

test("level, job and office ask for the most of each role that one of them asks for, and for as many persons", async () => {
  const { L3 } = policy.data.levels;
  const levels = { ...policy.data.levels, L3: { ...L3, roles: { owner: 1, security: 2 } } };
  const jobs = { ...policy.data.jobs, "git.registry.init": { level: "L3", target: "LAB_512", roles: { owner: 2, legal: 1 } } } as const;
  const decision = await decideDeployerWith({ approval_policy: { roles: { security: 1 } } }, { levels, jobs });
  expect(decision.requires[1]).toMatchObject({ count: 5, roles: { legal: 1, owner: 2, security: 2 } });
});

describe("a row of paths", () => {
  const decideMerge = async (changed_paths: string[] | null, branch = "main") => {
    const paths = [
      { pattern: "infra/*", roles: { security: 1 } },
      { pattern: "infra/dns/*", roles: { security: 2, network: 1 } },
      { pattern: "LICENSE", roles: { legal: 1 } },
    ];
    const strict = await loadPolicy(replacePolicyData(bytes, { ...policy.data, paths }));
    const act = { job_type: "git.registry.merge_protected", params: { source: "feature/x", target: branch }, has_card: true };
    return strict.decide(buildAct(act, { changed_paths }));
  };
  const readRoles = async (changed: string[] | null) => (await decideMerge(changed)).requires[1];

  test("asks for approvals in its roles if the act changes a path that it matches", async () => {
    expect(await readRoles(["src/a.ts"])).toHaveProperty("roles", {});
    expect(await readRoles(["infrared/a", "inf", "src/LICENSE", "src/infra/a"])).toHaveProperty("roles", {});
    expect(await readRoles(["infra/a.tf", "src/a.ts"])).toMatchObject({ count: 1, roles: { security: 1 } });
    expect(await readRoles(["LICENSE", "infra/dns/zone"])).toMatchObject({ count: 4, roles: { security: 2, network: 1, legal: 1 } });
  });

  // Mallory puts a submodule of his own in the place of the folder.
  test("counts if the act changes what stands in the place of one of its folders", async () => {
    expect(await readRoles(["infra"])).toMatchObject({ count: 3, roles: { security: 2, network: 1 } });
    expect(await readRoles(["infra/dns"])).toMatchObject({ roles: { security: 2, network: 1 } });
  });

  test("counts if it is not known which paths the act changes", async () => {
    const decision = await decideMerge(null);
    expect(decision.requires[1]).toMatchObject({ count: 4, roles: { security: 2, network: 1, legal: 1 } });
    expect(decision.reasons.map(({ text }) => text)).toContain(
      "The act may change LICENSE, which asks for approvals (1 in the role legal).",
    );
  });

  test("asks for nothing below L3", async () => {
    const paths = [{ pattern: "infra/*", roles: { security: 1 } }];
    const strict = await loadPolicy(replacePolicyData(bytes, { ...policy.data, paths }));
    expect(strict.decide(buildAct({}, { changed_paths: null }))).toMatchObject({ level: "L1", requires: [] });
  });
});

test("an office can shorten a permit", async () => {
  expect(await decideDeployerWith({ ttl_default_ms: 45_000 })).toMatchObject({ level: "L3", permit_ttl_ms: 45_000 });
});

test("a job whose data requires an attestation needs it in addition", async () => {
  const jobs = {
    ...policy.data.jobs,
    "registry.keys.rotate": { level: "L5", target: "LAB_512", attestation: "https://slsa.dev/provenance/v1" },
  } as const;
  const strict = await loadPolicy(replacePolicyData(bytes, { ...policy.data, jobs }));
  const decision = strict.decide(buildActThrough("office:registry", { job_type: "registry.keys.rotate", params: {} }));
  expect(decision.requires.map((item) => item.kind)).toEqual(["card", "approvals", "attestation"]);
  expect(decision.requires[2]).toEqual({ kind: "attestation", predicate_type: "https://slsa.dev/provenance/v1" });
});

type Office = PolicyData["offices"][string];
const DEMANDS: readonly ((office: Office, n: number) => Office)[] = [
  (office, n) => ({
    ...office,
    allowed_actions: office.allowed_actions.filter((_, at) => at !== n % office.allowed_actions.length),
  }),
  (office) => ({ ...office, scope: { targets: [] } }),
  (office, n) => ({
    ...office,
    risk_ceiling: LEVELS[Math.min(n % 6, LEVELS.indexOf(office.risk_ceiling))] ?? "L0",
  }),
  (office, n) => ({
    ...office,
    approval_policy: { ...office.approval_policy, min_approvals: n % 5 },
  }),
  (office) => ({
    ...office,
    approval_policy: { ...office.approval_policy, step_up: true },
  }),
  (office) => ({
    ...office,
    approval_policy: { ...office.approval_policy, roles: { "release-manager": 1 } },
  }),
  (office, n) => ({
    ...office,
    ttl_default_ms: Math.min(office.ttl_default_ms, 1 + n),
  }),
];

test("a restriction added to an office never relaxes a decision", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...offices),
      fc.constantFrom(...DEMANDS),
      fc.nat(1000),
      fc.array(anyAct, { minLength: 20, maxLength: 20 }),
      async (id, restrict, n, acts) => {
        const office = policy.data.offices[id];
        if (office === undefined) throw new Error(`The seed has no ${id}; add it.`);
        const strict = await loadPolicy(
          replacePolicyData(bytes, {
            ...policy.data,
            offices: { ...policy.data.offices, [id]: restrict(office, n) },
          }),
        );
        for (const input of acts) {
          const before = policy.decide({ ...input, office_id: id });
          const after = strict.decide({ ...input, office_id: id });
          if (!before.allowed) expect(after.allowed).toBe(false);
          if (!before.allowed || !after.allowed) continue;
          expect(after.level).toBe(before.level);
          expect(after.permit_ttl_ms).toBeLessThanOrEqual(before.permit_ttl_ms);
          expect(after.requires.map((item) => item.kind)).toEqual(before.requires.map((item) => item.kind));
          for (const [at, item] of before.requires.entries()) {
            const now = after.requires[at];
            if (item.kind !== "approvals" || now?.kind !== "approvals") continue;
            expect(now.count).toBeGreaterThanOrEqual(item.count);
            expect(Number(now.step_up)).toBeGreaterThanOrEqual(Number(item.step_up));
            expect(now.excludes).toEqual(item.excludes);
          }
        }
        for (const speaker of LEVELS) {
          const statement = buildStatementInput({
            level: speaker,
            office_id: id,
            member_offices: [id],
          });
          if (!policy.admit(statement).counts) expect(strict.admit(statement).counts).toBe(false);
        }
      },
    ),
    chooseRuns(40),
  );
});
