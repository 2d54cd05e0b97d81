import type { Card } from "../../domain/card/card.js";
import { toCardEnd } from "../../domain/card/card-end.js";
import { type Approval, listMissingRequirements } from "../../domain/card/requirement.js";
import { type SignedStatement, signedStatementSchema } from "../../domain/card/statement.js";
import { denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import type { AdmitStatementInput, AdmittedStatement, DecidedPlan } from "../../domain/flow/lab256-steps.js";
import type { PlannedAct } from "../../domain/flow/lab512-steps.js";
import type { EventPayloads, NewEvent } from "../../domain/ledger/event.js";
import { isLevelAtLeast } from "../../domain/level.js";
import type { Requirement, StatementAdmission } from "../../domain/policy/policy-contract.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { listPersonsByEmail } from "../identity/emails.js";
import { type VerifiedStatement, verifyStatement } from "../identity/passkeys/statement-verification.js";
import { appendEvents } from "../ledger/append.js";
import { findCard } from "../ledger/queries/cards.js";
import { findPushers } from "../ledger/queries/pushers.js";
import { buildCardClosed, denyConflict, toCardClosedKey } from "./card-closed.js";
import { decidePlannedAct } from "./cards.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { countClosedCard } from "./flow-metrics.js";
import { verifyCard } from "./genuine-card.js";

/** Verifies a statement, asks the policy whether it counts, and records it. Reaching Temporal is not enough to decide anything. */
export async function admitStatement(deps: Lab256Dependencies, input: AdmitStatementInput): Promise<Outcome<AdmittedStatement>> {
  const { card, planned } = input;
  const genuine = verifyCard(deps, card);
  if (!genuine.ok) return genuine;
  const parsed = parseWith(signedStatementSchema, input.signed);
  if (!parsed.ok) return denyWith("statement_invalid", `The statement is malformed: ${formatProblems(parsed.problems)}`);
  // Keep only the parsed members: anyone who writes to Temporal directly controls every other byte.
  const signed = parsed.value;
  const recorded = await findCard(deps.db, card);
  if (recorded?.plan_digest !== planned.plan_digest || recorded.decide_by === null)
    return denyWith("plan_changed", `The ledger does not have ${planned.plan_digest} as the current plan of ${card.card_id}.`);
  if (input.at_ms >= recorded.decide_by) return denyWith("decide_by_passed", "The time to decide is over. Open a new card.");
  const decided = await decidePlannedAct(deps, card, planned);
  if (!decided.ok) return wrapDenial(decided.denial);
  const judged = await judgeStatement(deps, { card: genuine.value, planned, decided: decided.value }, signed, input.at_ms);
  if (!judged.ok) return judged;
  const { verified, admission } = judged.value;
  if (!admission.counts) return denyWith("statement_not_counted", admission.reasons.map((reason) => reason.text).join(" "));
  const admitted = toAdmittedStatement(input, decided.value.requires, signed, verified);
  return recordStatement(deps, input, admitted, admission);
}

/** A card with its plan, and the level and requirements that LAB 256 derived of it. */
export interface DecidedCard {
  readonly card: Card;
  readonly planned: PlannedAct;
  readonly decided: Pick<DecidedPlan, "level" | "requires">;
}

/** Verifies a statement that was made at `atMs` and asks the policy whether it counts, by the members and passkeys of now. */
export async function judgeStatement(
  deps: Lab256Dependencies,
  about: DecidedCard,
  signed: SignedStatement,
  atMs: number,
): Promise<Outcome<{ readonly verified: VerifiedStatement; readonly admission: StatementAdmission }>> {
  const { card, planned, decided } = about;
  const verified = await verifyStatement({ db: deps.db, ...deps.statements }, signed, {
    tenant_id: card.tenant_id,
    card_id: card.card_id,
    currentPlanDigest: planned.plan_digest,
    level: decided.level,
    needsStepUp: signed.statement.decision === "approve" && decided.requires.some((r) => r.kind === "approvals" && r.step_up),
    nowMs: atMs,
  });
  if (!verified.ok) return verified;
  const admission = await askPolicyAboutStatement(deps, about, verified.value);
  return admission.ok ? grantValue({ verified: verified.value, admission: admission.value }) : admission;
}

async function askPolicyAboutStatement(
  deps: Lab256Dependencies,
  { card, planned, decided }: DecidedCard,
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
  { card, planned, approvals, attestations, at_ms }: AdmitStatementInput,
  requires: readonly Requirement[],
  signed: SignedStatement,
  verified: VerifiedStatement,
): AdmittedStatement {
  const { decision } = verified.statement;
  const own = toApproval(verified, at_ms);
  const person = own.person_id;
  // A person can approve through several offices, and the roles of each count. A withdrawal ends all approvals of the
  // person; an agent's or app's ends only its own.
  const others = approvals.filter(({ person_id, actor_id }) =>
    verified.kind === "person" ? person_id !== person : actor_id !== verified.actor_id,
  );
  const elsewhere = approvals.filter((approval) => approval.person_id !== person || approval.office_id !== verified.office_id);
  const after = decision === "approve" ? [...elsewhere, own] : others;
  return {
    signed,
    statement_digest: verified.statement_digest,
    decision,
    by_author:
      verified.actor_id === card.author.actor_id ||
      (verified.kind === "person" && verified.person_id !== null && verified.person_id === card.author.person_id),
    approvals: after,
    missing: listMissingRequirements(requires, planned.plan_digest, after, attestations),
  };
}

/** A verified approval as requirements count it. */
export function toApproval(verified: VerifiedStatement, atMs: number): Approval {
  return {
    statement_digest: verified.statement_digest,
    plan_digest: verified.statement.plan_digest,
    actor_id: verified.actor_id,
    person_id: verified.person_id ?? verified.actor_id,
    office_id: verified.office_id,
    roles: verified.roles,
    step_up: verified.step_up,
    at_ms: atMs,
  };
}

const EVENT_TYPES = { approve: "card.approved", reject: "card.rejected", withdraw: "card.withdrawn" } as const;

async function recordStatement(
  deps: Lab256Dependencies,
  input: AdmitStatementInput,
  admitted: AdmittedStatement,
  admission: StatementAdmission,
): Promise<Outcome<AdmittedStatement>> {
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
  const events: NewEvent[] = [{ type: EVENT_TYPES[admitted.decision], key, payload }];
  const end = toCardEnd(admitted.decision, admitted.by_author, admitted.signed.statement.approver);
  // In the same append, so that a flow that starts again never finds a card that was refused and is open.
  if (end !== undefined) events.push(buildCardClosed(card.card_id, end));
  const outcome = await appendEvents(deps.db, card.tenant_id, events, deps.now(), [toCardClosedKey(card.card_id)]);
  if (!outcome.ok) return denyConflict(outcome.conflict);
  if (end !== undefined) countClosedCard(deps, outcome, card, end);
  return grantValue(admitted);
}
