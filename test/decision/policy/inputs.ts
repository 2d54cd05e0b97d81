import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { loadPolicy, type Policy } from "../../../src/decision/policy/policy.js";
import type { ActInput, StatementInput } from "../../../src/domain/policy/policy-contract.js";

export const POLICY_URL = new URL("../../../policies/policy.wasm", import.meta.url);
export const CONFIG_DIR = fileURLToPath(new URL("../../../config", import.meta.url));

export function readCommittedBytes(): Promise<Uint8Array> {
  return readFile(POLICY_URL);
}

export async function loadCommittedPolicy(): Promise<Policy> {
  return loadPolicy(await readCommittedBytes());
}

/** Ana's push to feature/x through the default office, which is allowed at L1 without requirements. */
export const PUSH: ActInput = {
  tenant_id: "T.UBL",
  job_type: "git.registry.push",
  target: "LAB_512",
  break_glass: false,
  has_card: false,
  actor: { actor_id: "ubl:sid:person:ana", kind: "person", person_id: "ana" },
  office_id: "office::default",
  member_offices: ["office::default"],
  params: { project_id: "P.demo", branch: "feature/x" },
  facts: {
    force: false,
    deletes: false,
    fast_forward: true,
    project_exists: true,
    changed_paths: [],
  },
  infra: "none",
};

export function buildAct(changes: Partial<ActInput>, facts: Partial<ActInput["facts"]> = {}): ActInput {
  return { ...PUSH, ...changes, facts: { ...PUSH.facts, ...facts } };
}

/** Builds an act through another office that the actor holds. */
export function buildActThrough(office: string, changes: Partial<ActInput>, facts: Partial<ActInput["facts"]> = {}): ActInput {
  return buildAct({ office_id: office, member_offices: [office], ...changes }, facts);
}

export const SANDBOX: ActInput["infra"] = {
  state: "enabled",
  context: "sandbox",
  telemetry_repo: "o/telemetry",
  is_registry: false,
};

/** The service's append to the telemetry repository of its org, which is allowed at L0 without requirements. */
export const TELEMETRY_APPEND: ActInput = buildActThrough("office:telemetry", {
  job_type: "git.registry.telemetry_append",
  actor: { actor_id: "ubl:sid:app:registry.telemetry", kind: "app", person_id: null },
  params: { project_id: "P.telemetry", from_seq: 0, to_seq: 7, lines: 2 },
  facts: { force: false, deletes: false, fast_forward: null, project_exists: true, changed_paths: [] },
  infra: { state: "enabled", context: "production", telemetry_repo: "T.UBL/P.telemetry", is_registry: false },
});

/** Bea's approval with step-up of a release that Ana proposed, Carl pushed and Dora wrote, which counts. */
export const APPROVAL: StatementInput = {
  tenant_id: "T.UBL",
  job_type: "git.registry.tag_release",
  level: "L4",
  decision: "approve",
  step_up: true,
  actor: { actor_id: "ubl:sid:person:bea", kind: "person", person_id: "bea" },
  office_id: "office:security",
  member_offices: ["office:security", "office::default"],
  roles: [],
  card: {
    author_person_id: "ana",
    pusher_person_ids: ["carl"],
    commit_author_person_ids: ["dora"],
    break_glass: false,
    solo: false,
  },
};

export function buildStatementInput(changes: Partial<StatementInput>, card: Partial<StatementInput["card"]> = {}): StatementInput {
  return { ...APPROVAL, ...changes, card: { ...APPROVAL.card, ...card } };
}

export function buildPerson(id: string | null): StatementInput["actor"] {
  return {
    actor_id: `ubl:sid:person:${id ?? "nobody"}`,
    kind: "person",
    person_id: id,
  };
}

export function listRules(answer: { readonly reasons: readonly { readonly rule: string }[] }): string[] {
  return answer.reasons.map((reason) => reason.rule);
}
