import { readdir, readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { replacePolicyData } from "../../../src/decision/policy/bytes.js";
import { compileRules, createEvaluator } from "../../../src/decision/policy/evaluator.js";
import { loadPolicy, type Policy } from "../../../src/decision/policy/policy.js";
import { parseDecision } from "../../../src/decision/policy/result.js";
import type { Level } from "../../../src/domain/level.js";
import type { ActInput, Requirement } from "../../../src/domain/policy/policy-contract.js";
import {
  buildAct,
  buildActThrough,
  listRules,
  loadCommittedPolicy,
  PUSH,
  readCommittedBytes,
  SANDBOX,
  TELEMETRY_APPEND,
} from "./inputs.js";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const EXCLUDES = ["author", "pusher", "commit_author"] as const;

const buildApprovals = (count: number, step_up: boolean): Requirement[] => [
  { kind: "card" },
  { kind: "approvals", count, roles: {}, step_up, excludes: [...EXCLUDES] },
];

const NEEDS = {
  L0: [],
  L1: [],
  L2: [],
  L3: buildApprovals(1, false),
  L4: buildApprovals(1, true),
  L5: buildApprovals(2, true),
};
const TTL_MS = {
  L0: 2 * MINUTE,
  L1: 2 * MINUTE,
  L2: 2 * MINUTE,
  L3: 5 * MINUTE,
  L4: 5 * MINUTE,
  L5: 5 * MINUTE,
};
const DECIDE_MS = {
  L0: 7 * DAY,
  L1: 7 * DAY,
  L2: 7 * DAY,
  L3: 7 * DAY,
  L4: 3 * DAY,
  L5: 3 * DAY,
};

const buildPush = (branch: string, facts: Partial<ActInput["facts"]> = {}) => buildAct({ params: { branch } }, facts);
const buildMerge = (target: string) =>
  buildAct({
    job_type: "git.registry.merge_protected",
    params: { source: "review/x", target },
  });
const buildRegistryAct = (job_type: string, charter_level?: Level) =>
  buildActThrough("office:registry", { job_type, params: {} }, charter_level === undefined ? {} : { charter_level });
const buildDeployerAct = (job_type: string, changes: Partial<ActInput> = {}, facts: Partial<ActInput["facts"]> = {}) =>
  buildActThrough("office:infra.deployer", { job_type, params: {}, ...changes }, facts);
const forced = { force: true, fast_forward: false };
const deleted = { deletes: true, fast_forward: null };

let policy: Policy;
let bytes: Uint8Array;
beforeAll(async () => {
  bytes = await readCommittedBytes();
  policy = await loadCommittedPolicy();
});

const LEVEL_TABLE: readonly [string, keyof typeof NEEDS, string, ActInput][] = [
  ["telemetry append", "L0", "job.level", TELEMETRY_APPEND],
  ["push to feature/*", "L1", "branch.feature", buildPush("feature/x")],
  ["push to a new feature/*", "L1", "branch.feature", buildPush("feature/x", { fast_forward: null })],
  ["push far below feature/", "L1", "branch.feature", buildPush("feature/a/b/c")],
  ["push to review/*", "L2", "branch.review", buildPush("review/x")],
  ["force on feature/*", "L2", "branch.feature", buildPush("feature/x", forced)],
  ["force on review/*", "L2", "branch.review", buildPush("review/x", forced)],
  ["delete feature/*", "L2", "branch.feature", buildPush("feature/x", deleted)],
  ["delete review/*", "L2", "branch.review", buildPush("review/x", deleted)],
  ["register a project", "L3", "job.level", buildDeployerAct("git.registry.init", {}, { project_exists: false })],
  ["archive a project", "L3", "job.level", buildAct({ job_type: "git.registry.archive", params: { archived: true } })],
  ["reset a sandbox project", "L3", "job.level", buildDeployerAct("git.registry.reset", { infra: SANDBOX })],
  ["merge into main", "L4", "branch.main", buildMerge("main")],
  ["tag a release", "L4", "job.level", buildAct({ job_type: "git.registry.tag_release", params: { tag: "v1.2.0" } })],
  ["merge into release/*", "L5", "branch.release", buildMerge("release/1.2")],
  ["force on main", "L5", "branch.main", buildPush("main", forced)],
  ["force on release/*", "L5", "branch.release", buildPush("release/1", forced)],
  ["delete main", "L5", "branch.main", buildPush("main", deleted)],
  ["delete release/*", "L5", "branch.release", buildPush("release/1", deleted)],
  ["publish a policy", "L5", "job.level", buildRegistryAct("registry.policy.publish")],
  ["rotate keys", "L5", "job.level", buildRegistryAct("registry.keys.rotate")],
  ["seal the charter", "L5", "job.level", buildRegistryAct("registry.charter.seal")],
  ["found a tenant", "L5", "job.level", buildRegistryAct("registry.tenant.found")],
  ["change a member without power", "L3", "job.level", buildRegistryAct("registry.members.change", "L3")],
  ["change webhooks", "L4", "job.level", buildRegistryAct("registry.webhooks.change", "L4")],
  ["take power from a member", "L4", "job.level", buildRegistryAct("registry.members.change", "L4")],
  ["give a member the power to decide", "L5", "job.level", buildRegistryAct("registry.members.change", "L5")],
];

describe("the table of levels", () => {
  test.each(LEVEL_TABLE)("gives %s the level %s", (_name, level, rule, input) => {
    const decision = policy.decide(input);
    expect(decision).toMatchObject({
      allowed: true,
      level,
      requires: NEEDS[level],
      permit_ttl_ms: TTL_MS[level],
      decide_within_ms: DECIDE_MS[level],
      max_run_ms: 10 * MINUTE,
    });
    expect(listRules(decision)[0]).toBe(rule);
  });

  test("has a row for every job of the policy", () => {
    const inTable = new Set(LEVEL_TABLE.map(([, , , input]) => input.job_type));
    expect(Object.keys(policy.data.jobs).filter((job) => !inTable.has(job))).toEqual([]);
  });

  test("is raised by the risk together with the requirements and the reason", () => {
    const decision = policy.decide(buildAct({ risk: "L4" }));
    expect(decision).toMatchObject({
      level: "L4",
      requires: NEEDS.L4,
      decide_within_ms: DECIDE_MS.L4,
    });
    expect(listRules(decision)).toEqual(["branch.feature", "level.raised", "requires.these"]);
  });

  test.each(["L0", "L1", "L2"] as const)("requires one review by any person for a card at %s", (level) => {
    const input = level === "L0" ? TELEMETRY_APPEND : buildPush(level === "L1" ? "feature/x" : "review/x");
    expect(policy.decide({ ...input, has_card: true })).toMatchObject({
      level,
      requires: [
        {
          kind: "approvals",
          count: 1,
          roles: {},
          step_up: false,
          excludes: [],
        },
      ],
    });
  });
});

const buildInfraAct = (
  state: "enabled" | "disabled" | "missing" | "unavailable",
  context: "sandbox" | "production" | null,
  is_registry = false,
): ActInput["infra"] => ({ state, context, telemetry_repo: null, is_registry });

describe("break-glass", () => {
  const APPROVALS: Requirement = { kind: "approvals", count: 2, roles: {}, step_up: true, excludes: [] };

  test.each([
    ["a push to a feature branch", buildPush("feature/x")],
    ["a merge into main", buildMerge("main")],
    ["a merge into a release branch", buildMerge("release/1")],
    ["an act of a disabled project", { ...buildMerge("main"), infra: buildInfraAct("disabled", "production") }],
  ])("makes %s L5, with two approvals that exclude nobody", (_, input) => {
    const decision = policy.decide({ ...input, break_glass: true });
    expect(decision).toMatchObject({ allowed: true, level: "L5", requires: [{ kind: "card" }, APPROVALS] });
    expect(listRules(decision)).toContain("break_glass");
  });

  test.each<[string, ActInput]>([
    ["infra.missing", buildAct({ infra: buildInfraAct("missing", null) })],
    ["infra.unavailable", buildAct({ infra: buildInfraAct("unavailable", null) })],
    ["branch.protected", buildPush("main")],
    ["project.missing", buildPush("feature/x", { project_exists: false })],
    ["office.ceiling", buildActThrough("office::agents", {})],
    ["office.not_member", buildAct({ member_offices: [] })],
  ])("does not waive %s", (rule, input) => {
    const decision = policy.decide({ ...input, break_glass: true });
    expect([decision.allowed, listRules(decision)]).toEqual([false, [rule]]);
  });
});

/** The telemetry repository as the project of another act. */
const ITS_REPOSITORY = { params: { project_id: TELEMETRY_APPEND.params["project_id"] }, infra: TELEMETRY_APPEND.infra };

const DENIALS: [rule: string, level: string | null, input: ActInput][] = [
  ["job.unknown", null, buildAct({ job_type: "git.registry.explode" })],
  ["job.target", "L1", buildAct({ target: "LAB_256" })],
  ["branch.unknown", null, buildPush("hotfix/x")],
  ["branch.unknown", null, buildPush("feature/")],
  ["branch.unknown", null, buildPush("main\0")],
  ["branch.unknown", null, buildPush("main\n")],
  ["branch.unknown", null, buildAct({ params: {} })],
  ["branch.unknown", null, buildAct({ params: { branch: ["feature/x"] } })],
  ["branch.unknown", null, buildPush("refs/heads/feature/x")],
  ["branch.unknown", null, buildMerge("hotfix/x")],
  ["branch.protected", null, buildPush("main")],
  ["branch.protected", null, buildPush("release/1")],
  ["branch.not_protected", null, buildMerge("feature/x")],
  ["push.not_fast_forward", "L1", buildPush("feature/x", { fast_forward: false })],
  ["project.exists", "L3", buildDeployerAct("git.registry.init", {}, { project_exists: true })],
  ["project.missing", "L1", buildPush("feature/x", { project_exists: false })],
  ["project.missing", "L3", buildDeployerAct("git.registry.reset", { infra: SANDBOX }, { project_exists: false })],
  ["infra.disabled", "L1", buildAct({ infra: buildInfraAct("disabled", "production") })],
  ["infra.missing", "L1", buildAct({ infra: buildInfraAct("missing", null) })],
  ["infra.unavailable", "L1", buildAct({ infra: buildInfraAct("unavailable", null) })],
  ["infra.not_sandbox", "L3", buildDeployerAct("git.registry.reset", { infra: buildInfraAct("enabled", "production") })],
  ["infra.not_sandbox", "L3", buildDeployerAct("git.registry.reset", { infra: buildInfraAct("enabled", null) })],
  ["infra.not_sandbox", "L3", buildDeployerAct("git.registry.reset")],
  ["infra.keeps_registry", "L3", buildDeployerAct("git.registry.reset", { infra: buildInfraAct("enabled", "sandbox", true) })],
  ["break_glass.job", "L5", { ...buildRegistryAct("registry.keys.rotate"), break_glass: true }],
  ["telemetry.service", "L0", { ...TELEMETRY_APPEND, actor: PUSH.actor }],
  ["telemetry.service", "L0", { ...TELEMETRY_APPEND, actor: { ...TELEMETRY_APPEND.actor, actor_id: "ubl:sid:app:ci" } }],
  ["telemetry.only", "L1", buildAct({ actor: TELEMETRY_APPEND.actor })],
  ["telemetry.destination", "L0", { ...TELEMETRY_APPEND, infra: "none" }],
  ["telemetry.destination", "L0", { ...TELEMETRY_APPEND, params: { ...TELEMETRY_APPEND.params, project_id: "P.demo" } }],
  ["telemetry.destination", "L0", { ...TELEMETRY_APPEND, tenant_id: "T.OTHER" }],
  ["telemetry.append_only", "L4", { ...buildMerge("main"), ...ITS_REPOSITORY, params: { ...ITS_REPOSITORY.params, target: "main" } }],
  [
    "telemetry.append_only",
    "L5",
    { ...buildPush("main", forced), ...ITS_REPOSITORY, params: { ...ITS_REPOSITORY.params, branch: "main" } },
  ],
  ["telemetry.append_only", "L3", buildDeployerAct("git.registry.reset", ITS_REPOSITORY)],
  ["office.unknown", "L1", buildActThrough("office::nowhere", {})],
  ["office.not_member", "L1", buildAct({ member_offices: ["office::agents"] })],
  ["office.not_member", "L1", buildAct({ member_offices: [] })],
  ["office.action", "L1", buildActThrough("office:security", {})],
  ["office.target", "L1", buildAct({ target: "LAB_8GB" })],
  ["office.ceiling", "L5", buildActThrough("office::agents", { params: { branch: "main" } }, forced)],
  ["office.ceiling", "L3", buildActThrough("office::agents", { risk: "L3" })],
];

/** Inputs that the input check already refuses by their shape. The test evaluates the wasm directly. */
const REFUSED_BY_INPUT_CHECK: [rule: string, input: unknown][] = [
  ["request.incomplete", {}],
  ["request.incomplete", "push"],
  ["level.unknown", { ...PUSH, risk: "L9" }],
  ["break_glass.unknown", { ...PUSH, break_glass: "yes" }],
  ["actor.kind", { ...PUSH, actor: { ...PUSH.actor, kind: "robot" } }],
  ["infra.unknown", { ...PUSH, infra: { state: "asleep" } }],
  ["facts.unknown", { ...PUSH, facts: {} }],
];

describe("an act is denied by the rule", () => {
  test.each(DENIALS)("%s, at level %s", (rule, level, input) => {
    const decision = policy.decide(input);
    expect(decision).toMatchObject({
      allowed: false,
      level,
      requires: [],
      permit_ttl_ms: 0,
      decide_within_ms: 0,
      max_run_ms: 0,
    });
    expect(listRules(decision)).toContain(rule);
  });

  test.each(REFUSED_BY_INPUT_CHECK)("%s, although the input check already refuses it", (rule, input) => {
    const answer = createEvaluator(compileRules(bytes), policy.data).evaluate("registry/act", input);
    expect(answer.ok && listRules(parseDecision(answer.answer))).toContain(rule);
    expect(listRules(policy.decide(input as ActInput))).toEqual(["input.malformed"]);
  });

  test("job.level if the data gives its job no level", async () => {
    const { level: _, ...target } = policy.data.jobs["git.registry.tag_release"] ?? { target: "LAB_512" as const };
    const other = await loadPolicy(
      replacePolicyData(bytes, {
        ...policy.data,
        jobs: { ...policy.data.jobs, "git.registry.tag_release": target },
      }),
    );
    const decision = other.decide(buildAct({ job_type: "git.registry.tag_release", risk: "L5" }));
    expect(decision.allowed).toBe(false);
    expect(listRules(decision)).toEqual(["job.level"]);
  });

  test("that is in these tables, which contain every rule", async () => {
    const covered = new Set([...DENIALS.map(([rule]) => rule), ...REFUSED_BY_INPUT_CHECK.map(([rule]) => rule), "job.level"]);
    const folder = new URL("../../../policies/", import.meta.url);
    const files = (await readdir(folder)).filter((name) => name.endsWith(".rego") && !/_test|statement/.test(name));
    const texts = await Promise.all(files.map((name) => readFile(new URL(name, folder), "utf8")));
    const grounds = ["break_glass", "job.level", "level.raised", "path.roles", "requires.nothing", "requires.these"];
    const rules = texts.flatMap((text) => [...text.matchAll(/text\.reason\(\s*"([a-z_.]+)"/g)].map((match) => match[1]));
    expect(rules.length).toBeGreaterThan(20);
    expect(rules.filter((rule) => rule !== undefined && !covered.has(rule) && !grounds.includes(rule))).toEqual([]);
  });

  test("and every other that applies, each once and in a stable order", () => {
    const input = buildActThrough("office:security", {
      params: { branch: "main" },
      member_offices: [],
      infra: buildInfraAct("disabled", null),
    });
    expect(listRules(policy.decide(input))).toEqual(["branch.protected", "infra.disabled", "office.action", "office.not_member"]);
    expect(policy.decide(input)).toEqual(policy.decide(input));
  });

  test("branch.protected with the advice to merge for a plain push", () => {
    expect(policy.decide(buildPush("main")).reasons[0]?.text).toMatch(/merge into it with git\.registry\.merge_protected/);
  });
});
