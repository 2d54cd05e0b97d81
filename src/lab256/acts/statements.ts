import { type Approval, listMissingRequirements } from "../../domain/card/requirement.js";
import { type SignedStatement, signedStatementSchema } from "../../domain/card/statement.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { AdmitStatementInput, AdmittedStatement } from "../../domain/flow/lab256-steps.js";
import type { EventPayloads } from "../../domain/ledger/event.js";
import { isLevelAtLeast } from "../../domain/level.js";
import type { StatementAdmission } from "../../domain/policy/policy-contract.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { listPersonsByEmail } from "../identity/emails.js";
import { type VerifiedStatement, verifyStatement } from "../identity/passkeys/statement-verification.js";
import { appendEvents } from "../ledger/append.js";
import { findPushers } from "../ledger/queries/pushers.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { verifyCard } from "./genuine-card.js";

/** Verifies a statement, asks the policy whether it counts, and records it. Reaching Temporal is not enough to decide anything. */
export async function admitStatement(deps: Lab256Dependencies, input: AdmitStatementInput): Promise<Outcome<AdmittedStatement>> {
  const { card, planned, decided } = input;
  const genuine = verifyCard(deps, card);
  if (!genuine.ok) return genuine;
  const parsed = parseWith(signedStatementSchema, input.signed);
  if (!parsed.ok) return denyWith("statement_invalid", `The statement is malformed: ${formatProblems(parsed.problems)}`);
  // Keep only the parsed members: anyone who writes to Temporal directly controls every other byte.
  const signed = parsed.value;
  const verified = await verifyStatement({ db: deps.db, ...deps.statements }, signed, {
    tenant_id: card.tenant_id,
    card_id: card.card_id,
    currentPlanDigest: planned.plan_digest,
    level: decided.level,
    needsStepUp: signed.statement.decision === "approve" && decided.requires.some((r) => r.kind === "approvals" && r.step_up),
    nowMs: input.at_ms,
  });
  if (!verified.ok) return verified;
  const admission = await askPolicyAboutStatement(deps, input, verified.value);
  if (!admission.ok) return admission;
  if (!admission.value.counts) return denyWith("statement_not_counted", admission.value.reasons.map((reason) => reason.text).join(" "));
  const admitted = toAdmittedStatement(input, signed, verified.value);
  await recordStatement(deps, input, admitted, admission.value);
  return grantValue(admitted);
}

async function askPolicyAboutStatement(
  deps: Lab256Dependencies,
  { card, planned, decided }: AdmitStatementInput,
  verified: VerifiedStatement,
): Promise<Outcome<StatementAdmission>> {
  const policy = await deps.policies.readActivePolicy(card.tenant_id);
  if (!policy.ok) return policy;
  const excludesAuthors = isLevelAtLeast(decided.level, "L3");
  const { plan } = planned;
  const { project_id } = plan.basis;
  const pushers = await findPushers(deps.db, { tenant_id: card.tenant_id, project_id, commits: excludesAuthors ? plan.pushed_before : [] });
  const admission = policy.value.admit({
    tenant_id: card.tenant_id,
    job_type: card.jobType,
    level: decided.level,
    decision: verified.statement.decision,
    step_up: verified.step_up,
    actor: { actor_id: verified.actor_id, kind: verified.kind, person_id: verified.person_id },
    office_id: verified.office_id,
    member_offices: [...verified.member_offices],
    roles: [...verified.roles],
    card: {
      author_person_id: card.author.person_id,
      pusher_person_ids: [...pushers.person_ids],
      commit_author_person_ids: excludesAuthors ? await listPersonsByEmail(deps.db, card.tenant_id, plan.author_emails) : [],
      break_glass: false,
    },
  });
  const mayHavePushed = verified.person_id !== null && pushers.person_ids.includes(verified.person_id);
  if (pushers.exact || admission.counts || !mayHavePushed) return grantValue(admission);
  return grantValue({ ...admission, reasons: [...admission.reasons, PUSHERS_NOT_KNOWN] });
}

/** Explains why a person is excluded who may have pushed only other commits. */
const PUSHERS_NOT_KNOWN = {
  rule: "approver.pushers_not_known",
  text: "The ledger cannot tell who pushed each of these commits, so no one who ever pushed to the project counts.",
};

function toAdmittedStatement(
  { card, planned, decided, approvals, attestations, at_ms }: AdmitStatementInput,
  signed: SignedStatement,
  verified: VerifiedStatement,
): AdmittedStatement {
  const { decision } = verified.statement;
  const person = verified.person_id ?? verified.actor_id;
  // A person can approve through several offices, and the roles of each count. A withdrawal ends all approvals of the person.
  const others = approvals.filter((approval) => approval.person_id !== person);
  const elsewhere = approvals.filter((approval) => approval.person_id !== person || approval.office_id !== verified.office_id);
  const own: Approval = {
    statement_digest: verified.statement_digest,
    plan_digest: planned.plan_digest,
    actor_id: verified.actor_id,
    person_id: person,
    office_id: verified.office_id,
    roles: verified.roles,
    step_up: verified.step_up,
    at_ms,
  };
  const after = decision === "approve" ? [...elsewhere, own] : others;
  return {
    signed,
    statement_digest: verified.statement_digest,
    decision,
    by_author: verified.actor_id === card.author.actor_id || (verified.person_id !== null && verified.person_id === card.author.person_id),
    approvals: after,
    missing: listMissingRequirements(decided.requires, planned.plan_digest, after, attestations),
  };
}

const EVENT_TYPES = { approve: "card.approved", reject: "card.rejected", withdraw: "card.withdrawn" } as const;

async function recordStatement(
  deps: Lab256Dependencies,
  input: AdmitStatementInput,
  admitted: AdmittedStatement,
  admission: StatementAdmission,
): Promise<void> {
  const { card, approvals } = input;
  const remaining = new Set(admitted.approvals.map(({ statement_digest }) => statement_digest));
  const ended = approvals.map(({ statement_digest }) => statement_digest).filter((digest) => !remaining.has(digest));
  const payload: EventPayloads["card.withdrawn"] = {
    card_id: card.card_id,
    signed: admitted.signed,
    statement_digest: admitted.statement_digest,
    counts: true,
    reasons: admission.reasons,
    approval: admitted.decision === "approve" ? (admitted.approvals.at(-1) ?? null) : null,
    missing: admitted.missing,
    ...(admitted.decision === "withdraw" ? { ends: ended } : {}),
  };
  const key = `card.statement/${card.card_id}/${admitted.statement_digest}`;
  await appendEvents(deps.db, card.tenant_id, [{ type: EVENT_TYPES[admitted.decision], key, payload }], deps.now());
}
