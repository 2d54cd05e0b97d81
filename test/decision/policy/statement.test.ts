import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { replacePolicyData } from "../../../src/decision/policy/bytes.js";
import { createEvaluator } from "../../../src/decision/policy/evaluator.js";
import { loadPolicy, type Policy } from "../../../src/decision/policy/policy.js";
import { parseAdmission } from "../../../src/decision/policy/result.js";
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
    ["below L3, the author's own look", buildStatementInput({ ...L2, actor: buildPerson("ana") })],
    ["below L3, an agent's look", buildStatementInput({ ...L2, actor: AGENT })],
    ["with break-glass, the author's approval", buildStatementInput({ actor: buildPerson("ana") }, { break_glass: true })],
    ["the author's withdrawal", buildStatementInput({ decision: "withdraw", actor: buildPerson("ana"), step_up: false })],
    ["a withdrawal by somebody who left every office", buildStatementInput({ decision: "withdraw", member_offices: [], step_up: false })],
    [
      "an approval where nobody is known as author",
      buildStatementInput(
        {},
        {
          author_person_id: null,
          pusher_person_ids: [],
          commit_author_person_ids: [],
        },
      ),
    ],
  ])("%s", (_name, input) => {
    expect(policy.admit(input)).toMatchObject({
      counts: true,
      reasons: [{ rule: "statement.counts" }],
    });
  });

  test("by its author, where the tenant's policy says so", async () => {
    const lenient = await loadPolicy(replacePolicyData(bytes, { ...policy.data, author_may_approve: true }));
    expect(lenient.admit(buildStatementInput({ actor: buildPerson("ana") })).counts).toBe(true);
    expect(lenient.admit(buildStatementInput({ actor: buildPerson("ana"), step_up: false })).counts).toBe(false);
  });
});

const DENIALS: [rule: string, input: StatementInput][] = [
  ["job.unknown", buildStatementInput({ job_type: "git.registry.explode" })],
  ["actor.not_person", buildStatementInput({ level: "L3", step_up: false, actor: AGENT })],
  ["actor.not_person", buildStatementInput({ level: "L3", step_up: false, actor: APP })],
  ["actor.not_person", buildStatementInput({ level: "L3", decision: "reject", step_up: false, actor: APP })],
  ["actor.not_person", buildStatementInput({ level: "L2", step_up: true, actor: AGENT })],
  ["actor.not_person", buildStatementInput({ actor: buildPerson(null) })],
  ["office.unknown", buildStatementInput(toOfficeMembers("office::nowhere"))],
  ["office.not_member", buildStatementInput({ member_offices: ["office::default"] })],
  ["office.action", buildStatementInput(toOfficeMembers("office:infra.deployer"))],
  ["office.action", buildStatementInput({ ...toOfficeMembers("office::agents"), ...L2, decision: "reject" })],
  ["office.ceiling", buildStatementInput(toOfficeMembers("office:infra.deployer"))],
  ["approver.author", buildStatementInput({ level: "L3", step_up: false, actor: buildPerson("ana") })],
  ["approver.pusher", buildStatementInput({ actor: buildPerson("carl") })],
  ["approver.commit_author", buildStatementInput({ level: "L5", actor: buildPerson("dora") })],
  ["step_up.missing", buildStatementInput({ step_up: false })],
  ["step_up.missing", buildStatementInput({ level: "L5", step_up: false })],
  ["step_up.missing", buildStatementInput({ actor: buildPerson("ana"), step_up: false }, { break_glass: true })],
];

const BEHIND_THE_EDGE: [rule: string, input: unknown][] = [
  ["request.incomplete", { decision: "approve" }],
  ["level.unknown", { ...APPROVAL, level: "L9" }],
  ["statement.decision", { ...APPROVAL, decision: "approved" }],
  ["card.unknown", { ...APPROVAL, card: {} }],
  ["actor.kind", { ...APPROVAL, actor: { ...APPROVAL.actor, kind: "robot" } }],
];

describe("every rule by which a statement does not count", () => {
  test.each(DENIALS)("%s", (rule, input) => {
    const admission = policy.admit(input);
    expect(admission.counts).toBe(false);
    expect(listRules(admission)).toContain(rule);
  });

  test.each(BEHIND_THE_EDGE)("%s, behind the edge, which names the field", (rule, input) => {
    const answer = createEvaluator(bytes, policy.data).evaluate("registry/statement", input);
    expect(answer.ok && listRules(parseAdmission(answer.answer))).toContain(rule);
    expect(listRules(policy.admit(input as StatementInput))).toEqual(["input.malformed"]);
  });

  test("no rule is missing from these tables", async () => {
    const covered = new Set([...DENIALS, ...BEHIND_THE_EDGE].map(([rule]) => rule));
    const text = await readFile(new URL("../../../policies/statement.rego", import.meta.url), "utf8");
    const rules = [...text.matchAll(/statement_denials contains text\.reason\(\s*"([a-z_.]+)"/g)].map((match) => match[1]);
    expect(rules.length).toBeGreaterThan(7);
    expect(rules.filter((rule) => rule !== undefined && !covered.has(rule))).toEqual([]);
  });

  test("an office's demand for a quorum keeps agents out of every count", async () => {
    const agents = policy.data.offices["office::agents"];
    if (agents === undefined) throw new Error("The seed has no office::agents; add it.");
    const offices = {
      ...policy.data.offices,
      "office::agents": { ...agents, approval_policy: { min_approvals: 2 } },
    };
    const strict = await loadPolicy(replacePolicyData(bytes, { ...policy.data, offices }));
    expect(listRules(strict.admit(buildStatementInput({ ...L2, actor: AGENT })))).toEqual(["actor.not_person"]);
  });
});
