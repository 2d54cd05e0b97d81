import type { Plan } from "../../../src/domain/act/plan.js";
import { hashCanonical } from "../../../src/domain/bytes/canonical.js";
import { signObject } from "../../../src/domain/bytes/signature.js";
import { type Card, hashCard } from "../../../src/domain/card/card.js";
import type { Approval } from "../../../src/domain/card/requirement.js";
import type { StatementDecision } from "../../../src/domain/card/statement.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import type { RefMove } from "../../../src/domain/git/ref-move.js";
import type { NewEvent } from "../../../src/domain/ledger/event.js";
import type { Level } from "../../../src/domain/level.js";
import type { Permit } from "../../../src/domain/permit/permit.js";
import type { Receipt, ReceiptStatus } from "../../../src/domain/permit/receipt.js";
import type { Requirement } from "../../../src/domain/policy/policy-contract.js";
import { createTestKey } from "../../domain/samples.js";

export const TENANT = "T.UBL";
export const OTHER_TENANT = "T.Other";
export const ADMIN = "ubl:sid:person:admin";
const OFFICE = "office::default";
const DIGEST = "d".repeat(64);
const SIGNED = { kid: "0123456789abcdef", sig: "c2ln" };
/** The api signs cards with it. */
export const CARD_KEY = createTestKey();

/** The id of the n-th act. */
export function toJti(n: number): string {
  return `00000000-0000-8000-8000-${n.toString(16).padStart(12, "0")}`;
}

/** The n-th object id; 0 is "no object". */
export function toObjectId(n: number): string {
  return n === 0 ? ZERO_ID : n.toString(16).padStart(40, "a");
}

export function buildPermit(act: number, cardId?: string): Permit {
  const scopes = {
    ...({ tenant_id: TENANT, jobType: "git.registry.push", target: "LAB_512", subject_hash: DIGEST, policy_hash: DIGEST } as const),
    ...({ charter_version: 1, level: "L1", actor_id: ADMIN, office_id: OFFICE } as const),
    ...(cardId === undefined ? {} : { approval_ref: cardId }),
  };
  return { aud: "runner:LAB_512", jti: toJti(act), iat: 1_000, exp: 121_000, max_run_ms: 600_000, scopes, ...SIGNED };
}

export function buildRegistered(project: string): NewEvent {
  const payload = { project_id: project, name: `Project ${project}`, owners: [ADMIN], visibility: "internal" };
  return { type: "project.registered", key: `${project}/registered`, payload };
}

export function buildBound(project: string): NewEvent {
  return {
    type: "project.repo.bound",
    key: `${project}/bound`,
    payload: { project_id: project, repo_url: `s3://repos/${TENANT}/${project}.git` },
  };
}

export function buildActivity(project: string, act: number): NewEvent {
  const payload = { project_id: project, action: "push", actor: ADMIN, ref: "refs/heads/feature/x", commit: toObjectId(act) } as const;
  return { type: "project.activity", key: `act/${toJti(act)}/activity`, payload };
}

export function buildTagged(project: string, tag: string): NewEvent {
  const payload = { project_id: project, tag, commit: toObjectId(1), notes_hash: DIGEST };
  return { type: "project.release.tagged", key: `${project}/${tag}`, payload };
}

export function buildPermitIssued(act: number, cardId: string | null = null): NewEvent {
  const payload = { permit: buildPermit(act, cardId ?? undefined), card_id: cardId, actor_id: ADMIN, intent: "Say hello." };
  return { type: "permit.issued", key: `permit/${toJti(act)}`, payload };
}

export function buildPermitEnded(act: number, end: "revoked" | "expired" | "refused"): NewEvent {
  return {
    type: `permit.${end}`,
    key: `permit/${toJti(act)}/end`,
    payload: { jti: toJti(act), card_id: null, reason: "No longer wanted.", by: ADMIN },
  };
}

export function buildCommandIssued(
  act: number,
  options: { jobId?: string; cardId?: string | null; project?: string; key?: string } = {},
): NewEvent {
  const { jobId = `job-${act}`, cardId = null, project = "P.demo", key = `command/${toJti(act)}/${jobId}` } = options;
  const params = { project_id: project, branch: "feature/x", expected_old: ZERO_ID, commit_summary: "feat: hello", subject_hash: DIGEST };
  const envelope = {
    ...({ jti: toJti(act), tenant_id: TENANT, jobId, jobType: "git.registry.push", params, subject_hash: DIGEST } as const),
    ...({ policy_hash: DIGEST, permit: buildPermit(act, cardId ?? undefined), target: "LAB_512", office_id: OFFICE } as const),
  };
  const workflow_id = `act/${TENANT}/${toJti(act)}`;
  const payload = {
    envelope,
    envelope_digest: hashCanonical(envelope),
    project_id: project,
    actor_id: ADMIN,
    workflow_id,
    card_id: cardId,
  };
  return { type: "command.issued", key, payload };
}

export function buildCommandClosed(act: number): NewEvent {
  const denial = { code: "permit_expired", message: "The permit expired." } as const;
  return {
    type: "command.closed",
    key: `command/${toJti(act)}/closed`,
    payload: { jti: toJti(act), jobId: `job-${act}`, status: "expired", denial },
  };
}

export function buildReceipt(act: number, status: ReceiptStatus, refs: RefMove[], project = "P.demo"): Receipt {
  return {
    ...{
      tenant_id: TENANT,
      jobId: `job-${act}`,
      jti: toJti(act),
      jobType: "git.registry.push",
      project_id: project,
      status,
      finished_at: 5_000 + act,
    },
    ...{
      logs_hash: DIGEST,
      logs_key: "artifacts/log",
      artifacts: buildArtifacts(act),
      usage: { wall_ms: 12, staged_bytes: 1, stored_bytes: 1 },
    },
    ...(status === "success" ? { error: "" } : ({ error: "The ref moved.", code: "ref_moved" } as const)),
    ...{ refs, actor_id: ADMIN, person_id: null, charter_version: 1, previous_act: null },
    ...{ envelope_digest: DIGEST, policy_hash: DIGEST, ...SIGNED },
  };
}

/** Only some pushes name the commits they brought. */
function buildArtifacts(act: number): string[] {
  return act % 2 === 0
    ? []
    : [JSON.stringify({ branch: "feature/x", commit: toObjectId(act), brought: [toObjectId(act), toObjectId(act + 1)] })];
}

export function buildReceiptRecorded(
  act: number,
  refs: RefMove[],
  options: { status?: ReceiptStatus; cardId?: string | null; project?: string } = {},
): NewEvent {
  const { status = "success", cardId = null, project = "P.demo" } = options;
  const payload = { receipt: buildReceipt(act, status, refs, project), actor_id: ADMIN, card_id: cardId };
  return { type: "receipt.recorded", key: `receipt/${toJti(act)}`, payload };
}

export function buildReceiptRefused(act: number): NewEvent {
  const { refs: _, actor_id: __, person_id: ___, charter_version: ____, previous_act: _____, ...rest } = buildReceipt(act, "denied", []);
  const refusal = { ...rest, status: "denied", code: "wrong_target", envelope_digest: hashCanonical(act) } as const;
  return { type: "receipt.refused", key: `refusal/${refusal.envelope_digest}`, payload: { refusal, card_id: null } };
}

/** A card signed by {@link CARD_KEY}. The default context is one that the api refuses, because NUL is the hardest text to store. */
export function buildCard(cardId: string, project = "P.demo", context: Card["context"] = { "why\0": "\0" }): Card {
  const params = { project_id: project, branch: "feature/x", expected_old: ZERO_ID, commit_summary: "feat: hello", subject_hash: DIGEST };
  const card = {
    ...({
      tenant_id: TENANT,
      office_id: OFFICE,
      intent: "Say hello.",
      context,
      jobType: "git.registry.push",
      target: "LAB_512",
    } as const),
    ...({ card_id: cardId, params, jobId: `card-job-${cardId}`, run: "on_approval" } as const),
    ...{ author: { actor_id: ADMIN, person_id: "person-1" }, opened_at: 1_000 },
  };
  return signObject("card", card, CARD_KEY);
}

export function buildCardOpened(cardId: string, project = "P.demo"): NewEvent {
  const card = buildCard(cardId, project);
  const payload = { card, project_id: project, subject_hash: DIGEST, workflow_id: `card/${TENANT}/${cardId}` };
  return { type: "card.opened", key: `${cardId}/opened`, payload };
}

/** `rests` replaces members of the plan's basis. */
export function buildCardPlanned(cardId: string, round: number, rests: Partial<Plan["basis"]> = {}): NewEvent {
  const plan: Plan = {
    basis: {
      ...{
        tenant_id: TENANT,
        project_id: "P.demo",
        job_type: "git.registry.push",
        target: "LAB_512",
        refs: [],
        creates: [],
        infra: "none",
      },
      ...{ params: { project_id: "P.demo", tag: "v1.0.0", commit: toObjectId(1), notes: "" }, policy_hash: DIGEST },
      ...rests,
    },
    ...{
      fast_forward: true,
      commit_count: 0,
      commits: [],
      author_emails: [],
      pushed_before: [],
      changed_paths: [],
      diffstat: { files: 0, insertions: 0, deletions: 0 },
    },
  };
  const level: Level = "L3";
  const requirement: Requirement = { kind: "approvals", count: 1, roles: {}, step_up: false, excludes: ["author"] };
  const missing = [{ requirement, missing: 1, text: "1 more approval" }];
  const payload = {
    ...{ card_id: cardId, round, plan, plan_digest: hashCanonical([cardId, round]), level, reasons: [], requires: [requirement], missing },
    ...{ decide_by: 90_000, permit_ttl_ms: 300_000 },
  };
  return { type: "card.planned", key: `${cardId}/planned/${round}`, payload };
}

/** A person's decision on a round of a card, made by their own actor. `like` is the round whose plan the round repeats. */
export function buildStated(cardId: string, round: number, decision: StatementDecision, person: number, like = round): NewEvent {
  const approver = `ubl:sid:person:p${person}`;
  const statement = {
    ...{ tenant_id: TENANT, card_id: cardId, card_digest: hashCard(buildCard(cardId)), round },
    ...{ plan_digest: hashCanonical([cardId, like]), decision, approver, office_id: OFFICE },
    ...{ nonce: "n".repeat(22), not_after: 90_000 },
  };
  const statement_digest = hashCanonical(statement);
  const approval = buildApproval(statement_digest, statement.plan_digest, person);
  const type = ({ approve: "card.approved", reject: "card.rejected", withdraw: "card.withdrawn" } as const)[decision];
  const payload = {
    ...{ card_id: cardId, signed: { statement, attestor: SIGNED }, statement_digest, counts: true, reasons: [], missing: [] },
    approval: decision === "approve" ? approval : null,
  };
  return { type, key: `${cardId}/statement/${statement_digest}`, payload };
}

/** A key's attestation about a round of a card. */
export function buildAttested(cardId: string, round: number, key: number): NewEvent {
  const plan_digest = hashCanonical([cardId, round]);
  const keyid = key.toString(16).padStart(16, "0");
  const attestation = {
    payloadType: "application/vnd.in-toto+json" as const,
    payload: Buffer.from(plan_digest).toString("base64"),
    signatures: [{ keyid, sig: SIGNED.sig }],
  };
  const attestation_digest = hashCanonical(attestation);
  const payload = {
    ...{ card_id: cardId, round, attestation, attestation_digest, predicate_type: "https://slsa.dev/\0", plan_digest, keyid },
    missing: [],
  };
  return { type: "card.attested", key: `${cardId}/attestation/${round}/${attestation_digest}`, payload };
}

export function buildApprovalsVoided(cardId: string, round: number, person: number): NewEvent {
  const event = buildStated(cardId, round, "approve", person);
  const approvals = event.type === "card.approved" && event.payload.approval !== null ? [event.payload.approval] : [];
  const payload = { card_id: cardId, round, plan_digest: hashCanonical([cardId, round]), why: "The ref moved.", approvals, missing: [] };
  return { type: "card.approvals_voided", key: `${cardId}/voided/${round}/${person}`, payload };
}

export function buildCardClosed(cardId: string): NewEvent {
  const denial = { code: "decide_by_passed", message: "Nobody decided in time." } as const;
  return { type: "card.closed", key: `${cardId}/closed`, payload: { card_id: cardId, status: "expired", denial, reasons: [] } };
}

function buildApproval(statement_digest: string, plan_digest: string, person: number): Approval {
  const who = { actor_id: `ubl:sid:person:p${person}`, person_id: `person-${person}`, office_id: OFFICE, roles: [] };
  return { statement_digest, plan_digest, ...who, step_up: false, at_ms: 2_000 };
}
