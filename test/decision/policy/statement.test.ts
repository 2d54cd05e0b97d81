import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { replacePolicyData } from "../../../src/decision/policy/bytes.js";
import type { PolicyData } from "../../../src/decision/policy/data.js";
import { compileRules, createEvaluator } from "../../../src/decision/policy/evaluator.js";
import { loadPolicy, type Policy } from "../../../src/decision/policy/policy.js";
import { parseAdmission } from "../../../src/decision/policy/result.js";
import type { Level } from "../../../src/domain/level.js";
import type { StatementInput } from "../../../src/domain/policy/policy-contract.js";
import { APPROVAL, buildPerson, buildStatementInput, listRules, loadCommittedPolicy, readCommittedBytes } from "./inputs.js";

const AGENT: StatementInput["actor"] = {
  actor_id: "ubl:sid:agent:x",
  kind: "agent",
  person_id: "bea",
};
const APP: StatementInput["actor"] = {
  actor_id: "ubl:sid:app:ci",
  kind: "app",
  person_id: null,
};
const L2 = { level: "L2", step_up: false } as const;
const EMERGENCY = { level: "L5" } as const;
const toOfficeMembers = (id: string) => ({ office_id: id, member_offices: [id] });

let policy: Policy;
let bytes: Uint8Array;
beforeAll(async () => {
  bytes = await readCommittedBytes();
  policy = await loadCommittedPolicy();
});

describe("a statement counts", () => {
  test.each<[string, StatementInput]>([
    ["an approval at L3 without step-up", buildStatementInput({ level: "L3", step_up: false })],
    ["an approval at L4 with step-up", buildStatementInput({})],
    ["an approval at L5 with step-up", buildStatementInput({ level: "L5" })],
    ["a rejection at L5, which needs no step-up", buildStatementInput({ level: "L5", decision: "reject", step_up: false })],
    ["a review below L3 by the author", buildStatementInput({ ...L2, actor: buildPerson("ana") })],
    ["a review below L3 by an agent", buildStatementInput({ ...L2, actor: AGENT })],
    ["the author's approval with break-glass", buildStatementInput({ ...EMERGENCY, actor: buildPerson("ana") }, { break_glass: true })],
    ["the pusher's approval with break-glass", buildStatementInput({ ...EMERGENCY, actor: buildPerson("carl") }, { break_glass: true })],
    [
      "a commit author's approval with break-glass",
      buildStatementInput({ ...EMERGENCY, actor: buildPerson("dora") }, { break_glass: true }),
    ],
    ["at L4, the approval of the author who alone can approve", buildStatementInput({ actor: buildPerson("ana") }, { solo: true })],
    [
      "at L3, the approval of the pusher who alone can approve",
      buildStatementInput({ level: "L3", actor: buildPerson("carl") }, { solo: true }),
    ],
    ["the author's withdrawal", buildStatementInput({ decision: "withdraw", actor: buildPerson("ana"), step_up: false })],
    ["a withdrawal by an agent", buildStatementInput({ decision: "withdraw", actor: AGENT, step_up: false })],
    [
      "a withdrawal of an act that the policy no longer knows, through an office that it no longer knows",
      buildStatementInput({ decision: "withdraw", job_type: "git.registry.explode", office_id: "office::nowhere" }),
    ],
    [
      "a withdrawal through an office that allows neither the level nor an approval",
      buildStatementInput({ decision: "withdraw", ...toOfficeMembers("office:infra.deployer") }),
    ],
    ["a rejection by the author", buildStatementInput({ decision: "reject", actor: buildPerson("ana") })],
    ["a withdrawal by a person without offices", buildStatementInput({ decision: "withdraw", member_offices: [], step_up: false })],
    [
      "an approval of a card without a known author",
      buildStatementInput(
        {},
        {
          author_person_id: null,
          pusher_person_ids: [],
          commit_author_person_ids: [],
        },
      ),
    ],
  ])("if it is %s", (_name, input) => {
    expect(policy.admit(input)).toMatchObject({
      counts: true,
      reasons: [{ rule: "statement.counts" }],
    });
  });

  test.each<[string, object]>([
    ["a rejection that does not state who made the change", { ...APPROVAL, decision: "reject", card: {} }],
    [
      "a withdrawal that states neither a known level nor who made the change",
      { ...APPROVAL, decision: "withdraw", level: "L9", card: {} },
    ],
  ])("if it is %s, although the input check refuses it", (_name, input) => {
    const answer = createEvaluator(compileRules(bytes), policy.data).evaluate("registry/statement", input);
    expect(answer.ok && listRules(parseAdmission(answer.answer))).toEqual(["statement.counts"]);
  });

  test("if it is the author's approval and the tenant's policy allows that", async () => {
    const lenient = await loadPolicy(replacePolicyData(bytes, { ...policy.data, author_may_approve: true }));
    expect(lenient.admit(buildStatementInput({ actor: buildPerson("ana") })).counts).toBe(true);
    expect(lenient.admit(buildStatementInput({ actor: buildPerson("ana"), step_up: false })).counts).toBe(false);
  });
});

const DENIALS: [rules: readonly string[], input: StatementInput][] = [
  [["job.unknown"], buildStatementInput({ job_type: "git.registry.explode" })],
  [["actor.not_person"], buildStatementInput({ level: "L3", step_up: false, actor: AGENT })],
  [["actor.not_person"], buildStatementInput({ level: "L3", step_up: false, actor: APP })],
  [["actor.not_person"], buildStatementInput({ level: "L3", decision: "reject", step_up: false, actor: APP })],
  [["actor.not_person"], buildStatementInput({ level: "L2", step_up: true, actor: AGENT })],
  [["actor.not_person"], buildStatementInput({ actor: buildPerson(null) })],
  [["actor.not_person"], buildStatementInput({ actor: { ...AGENT, person_id: "ana" } })],
  [["office.unknown"], buildStatementInput(toOfficeMembers("office::nowhere"))],
  [["office.not_member"], buildStatementInput({ member_offices: ["office::default"] })],
  [["office.action"], buildStatementInput({ ...toOfficeMembers("office:infra.deployer"), level: "L3", step_up: false })],
  [["office.action"], buildStatementInput({ ...toOfficeMembers("office::agents"), ...L2, decision: "reject" })],
  [["office.action", "office.ceiling"], buildStatementInput(toOfficeMembers("office:infra.deployer"))],
  [["approver.author"], buildStatementInput({ level: "L3", step_up: false, actor: buildPerson("ana") })],
  [["approver.pusher"], buildStatementInput({ actor: buildPerson("carl") })],
  [["approver.pusher"], buildStatementInput({ actor: buildPerson("eve") }, { pusher_person_ids: ["carl", "eve"] })],
  [["approver.commit_author"], buildStatementInput({ level: "L5", actor: buildPerson("dora") })],
  [["approver.commit_author"], buildStatementInput({ actor: buildPerson("eve") }, { commit_author_person_ids: ["dora", "eve"] })],
  [["step_up.missing"], buildStatementInput({ step_up: false })],
  [["step_up.missing"], buildStatementInput({ level: "L5", step_up: false })],
  [["step_up.missing"], buildStatementInput({ ...EMERGENCY, actor: buildPerson("ana"), step_up: false }, { break_glass: true })],
  [["actor.not_person"], buildStatementInput({ ...EMERGENCY, actor: AGENT }, { break_glass: true })],
  [["approver.author"], buildStatementInput({ level: "L5", actor: buildPerson("ana") }, { solo: true })],
  [["step_up.missing"], buildStatementInput({ actor: buildPerson("ana"), step_up: false }, { solo: true })],
  // Break-glass is never below L5, and there is none for the charter.
  [["approver.author"], buildStatementInput({ level: "L4", actor: buildPerson("ana") }, { break_glass: true })],
  [
    ["approver.author"],
    buildStatementInput({ ...EMERGENCY, job_type: "registry.keys.rotate", actor: buildPerson("ana") }, { break_glass: true }),
  ],
];

const NO_LISTS = ["carl", { pusher: "carl" }, 1, true, null, undefined];
const buildCardInput = (card: object, changes: Partial<StatementInput> = {}) => ({
  ...APPROVAL,
  ...changes,
  card: { ...APPROVAL.card, ...card },
});
/** Inputs that the input check already refuses. The tests evaluate the wasm directly. An undefined member is omitted. */
const REFUSED_BY_INPUT_CHECK: [rules: readonly string[], input: unknown][] = [
  [["level.unknown", "office.ceiling"], { ...APPROVAL, level: "L9" }],
  [["statement.decision"], { ...APPROVAL, decision: "approved" }],
  [["card.unknown"], { ...APPROVAL, card: {} }],
  [["card.unknown"], buildCardInput({ author_person_id: undefined })],
  ...NO_LISTS.map((list): [string[], unknown] => [["card.unknown"], buildCardInput({ pusher_person_ids: list })]),
  ...NO_LISTS.map((list): [string[], unknown] => [["card.unknown"], buildCardInput({ commit_author_person_ids: list })]),
  [["approver.author"], buildCardInput({ break_glass: undefined }, { actor: buildPerson("ana") })],
  [["actor.kind", "actor.not_person"], { ...APPROVAL, actor: { ...APPROVAL.actor, kind: "robot" } }],
  [["request.incomplete", "step_up.missing"], { ...APPROVAL, step_up: undefined }],
];

describe("a statement does not count", () => {
  test.each(DENIALS)("by the rules %j", (rules, input) => {
    const admission = policy.admit(input);
    expect(admission.counts).toBe(false);
    expect(listRules(admission)).toEqual(rules);
  });

  test.each(REFUSED_BY_INPUT_CHECK)("by the rules %j although the input check already refuses it", (rules, input) => {
    const answer = createEvaluator(compileRules(bytes), policy.data).evaluate("registry/statement", input);
    expect(answer.ok && listRules(parseAdmission(answer.answer))).toEqual(rules);
    expect(listRules(policy.admit(input as StatementInput))).toEqual(["input.malformed"]);
  });

  test.each(Object.keys(APPROVAL))("by request.incomplete without `%s`", (member) => {
    const answer = createEvaluator(compileRules(bytes), policy.data).evaluate("registry/statement", { ...APPROVAL, [member]: undefined });
    expect(answer.ok && listRules(parseAdmission(answer.answer))).toContain("request.incomplete");
  });

  test.each([null, "approve", 1, []])("by request.incomplete if it is %j", (value) => {
    const answer = createEvaluator(compileRules(bytes), policy.data).evaluate("registry/statement", value);
    expect(answer.ok && listRules(parseAdmission(answer.answer))).toContain("request.incomplete");
  });

  test.each([null, "true", "", 1, 0, [], {}])("with a step-up or break-glass of %j, which the input check refuses", (value) => {
    expect(listRules(policy.admit({ ...APPROVAL, step_up: value } as unknown as StatementInput))).toEqual(["input.malformed"]);
    expect(listRules(policy.admit(buildCardInput({ break_glass: value }) as StatementInput))).toEqual(["input.malformed"]);
  });

  test.each([null, "true", "", 1, 0, [], {}])("with a step-up or break-glass of %j by the rules alone", (value) => {
    const listRulesOf = (input: unknown) => {
      const answer = createEvaluator(compileRules(bytes), policy.data).evaluate("registry/statement", input);
      return answer.ok && listRules(parseAdmission(answer.answer));
    };
    expect(listRulesOf({ ...APPROVAL, level: "L4", step_up: value })).toContain("step_up.missing");
    for (const waived of ["break_glass", "solo"])
      expect(listRulesOf(buildCardInput({ [waived]: value }, { actor: buildPerson("ana") }))).toContain("approver.author");
  });

  test("by any rule of the policy, all of which these tables contain", async () => {
    const covered = new Set([...DENIALS, ...REFUSED_BY_INPUT_CHECK].flatMap(([rules]) => rules));
    const text = await readFile(new URL("../../../policies/statement.rego", import.meta.url), "utf8");
    const rules = [...text.matchAll(/statement_denials contains text\.reason\(\s*"([a-z_.]+)"/g)].map((match) => match[1]);
    expect(rules.length).toBeGreaterThan(7);
    expect(rules.filter((rule) => rule !== undefined && !covered.has(rule))).toEqual([]);
  });

  test.each([
    ["approve", "reject"],
    ["reject", "approve"],
  ] as const)("through an office that allows only %s if it is another decision, %s", async (allowed, other) => {
    const strict = await loadPolicyWith(changeOffice("office:security", { allowed_actions: [`card.${allowed}`] }));
    expect(strict.admit(buildStatementInput({ decision: allowed })).counts).toBe(true);
    expect(listRules(strict.admit(buildStatementInput({ decision: other })))).toEqual(["office.action"]);
  });

  test.each(["L4", "L5"] as const)("by step_up.missing at %s for any data of the policy", async (level) => {
    const lax = await loadPolicyWith(changeLevel(level, { step_up: false }));
    expect(listRules(lax.admit(buildStatementInput({ level, step_up: false })))).toEqual(["step_up.missing"]);
  });

  test.each<[string, (data: PolicyData) => PolicyData]>([
    ["a level that requires a quorum", changeLevel("L2", { approvals: 2 })],
    ["a level that requires a step-up", changeLevel("L2", { step_up: true })],
    ["an office that requires a quorum", changeOffice("office::agents", { approval_policy: { min_approvals: 2 } })],
    ["a level that requires two roles", changeLevel("L2", { roles: { owner: 1, security: 1 } })],
    ["an office that requires two of a role", changeOffice("office::agents", { approval_policy: { roles: { owner: 2 } } })],
    ["an office that requires a step-up", changeOffice("office::agents", { approval_policy: { step_up: true } })],
    [
      "a level and a job that require a role each",
      (data) => ({
        ...changeLevel("L2", { roles: { owner: 1 } })(data),
        jobs: { ...data.jobs, [APPROVAL.job_type]: { level: "L2", target: "LAB_512", roles: { security: 1 } } },
      }),
    ],
    [
      "a level and an office that require a role each",
      (data) =>
        changeLevel("L2", { roles: { owner: 1 } })(changeOffice("office::agents", { approval_policy: { roles: { legal: 1 } } })(data)),
    ],
  ])("by actor.not_person for an agent with %s", async (_what, change) => {
    const rejection = buildStatementInput({ ...L2, decision: "reject", actor: AGENT });
    expect(policy.admit(rejection).counts).toBe(true);
    expect(listRules((await loadPolicyWith(change)).admit(rejection))).toEqual(["actor.not_person"]);
  });
});

function loadPolicyWith(change: (data: PolicyData) => PolicyData): Promise<Policy> {
  return loadPolicy(replacePolicyData(bytes, change(policy.data)));
}

function changeLevel(level: Level, change: Partial<PolicyData["levels"][Level]>): (data: PolicyData) => PolicyData {
  return (data) => ({ ...data, levels: { ...data.levels, [level]: { ...data.levels[level], ...change } } });
}

function changeOffice(id: string, change: Partial<PolicyData["offices"][string]>): (data: PolicyData) => PolicyData {
  return (data) => {
    const office = data.offices[id];
    if (office === undefined) throw new Error(`The seed has no ${id}; add it.`);
    return { ...data, offices: { ...data.offices, [id]: { ...office, ...change } } };
  };
}
