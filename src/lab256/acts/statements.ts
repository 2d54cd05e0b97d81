import { toApproval } from "../../decision/judge-authority.js";
import { type JudgedStatement, judgeStatement } from "../../decision/judge-statement.js";
import { isCharterJob } from "../../domain/act/job.js";
import { toCardEnd } from "../../domain/card/card-end.js";
import { listMissingRequirements } from "../../domain/card/requirement.js";
import { type SignedStatement, signedStatementSchema } from "../../domain/card/statement.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { AdmitStatementInput, AdmittedStatement } from "../../domain/flow/lab256-steps.js";
import { type EventPayloads, type NewEvent, toApprovalsVoidedKey } from "../../domain/ledger/event.js";
import type { Requirement, StatementAdmission } from "../../domain/policy/policy-contract.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { acceptStepUp } from "../identity/passkeys/step-up.js";
import { appendEvents } from "../ledger/append.js";
import { type CardDetail, findCard } from "../ledger/queries/cards.js";
import { buildCardClosed, denyConflict, toCardClosedKey } from "./card-closed.js";
import { checkPlanCurrent, type DecidedCard, decidePlannedAct } from "./cards.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { countClosedCard } from "./flow-metrics.js";
import { verifyCard } from "./genuine-card.js";
import { denyOutdated } from "./outdated-plans.js";

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
  // A plan that has changed can still be rejected, and a card or an approval withdrawn.
  const current = signed.statement.decision === "approve" ? await checkPlanCurrent(deps, recorded, planned) : grantValue(null);
  if (!current.ok) return current;
  const decided = await decidePlannedAct(deps, genuine.value, { planned, round: recorded.round });
  if (!decided.ok) return decided;
  const about = decided.value;
  const judged = await judgeStatement(about.rules, about, signed, { at_ms: input.at_ms, used_at_ms: input.at_ms });
  if (!judged.ok) return judged;
  const { admission, counter, statement_digest } = judged.value;
  if (signed.assertion !== undefined && counter !== null) {
    const accepted = await acceptStepUp(deps.db, {
      tenant_id: card.tenant_id,
      assertion: signed.assertion,
      counter,
      digest: statement_digest,
    });
    if (!accepted.ok) return accepted;
  }
  if (!admission.counts) return denyWith("statement_not_counted", admission.reasons.map((reason) => reason.text).join(" "));
  const admitted = toAdmittedStatement(input, about.decided.requires, signed, judged.value);
  const more_rejections = judged.value.statement.decision === "reject" ? countMissingRejections(about, recorded, judged.value) : 0;
  return recordStatement(deps, input, recorded.round, { ...admitted, ...(more_rejections > 0 ? { more_rejections } : {}) }, admission);
}

/**
 * Returns how many more persons must reject. At `registry.*` a rejection closes the card only when as many reject as must approve, so that
 * one person cannot veto a change that the others agree on. Source: contracts "Charter".
 */
function countMissingRejections(about: DecidedCard, { statements }: CardDetail, rejected: JudgedStatement): number {
  const { card, round, planned, decided, rules } = about;
  if (!isCharterJob(card)) return 0;
  const latest = new Map<string, string>();
  for (const { decision, counts, signed } of statements) {
    const { statement } = signed;
    const person = rules.charter.find("actor", statement.approver)?.person_id ?? statement.approver;
    if (counts && statement.round === round && statement.plan_digest === planned.plan_digest) latest.set(person, decision);
  }
  latest.set(rejected.person_id ?? rejected.actor_id, "reject");
  const rejecting = [...latest.values()].filter((decision) => decision === "reject").length;
  const needed = decided.requires.map((requirement) => (requirement.kind === "approvals" ? requirement.count : 1));
  return Math.max(0, Math.max(1, ...needed) - rejecting);
}

function toAdmittedStatement(
  { card, planned, approvals, attestations, at_ms }: AdmitStatementInput,
  requires: readonly Requirement[],
  signed: SignedStatement,
  verified: JudgedStatement,
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

const EVENT_TYPES = { approve: "card.approved", reject: "card.rejected", withdraw: "card.withdrawn" } as const;

async function recordStatement(
  deps: Lab256Dependencies,
  input: AdmitStatementInput,
  round: number,
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
    ...(ended.length > 0 && admitted.decision !== "approve" ? { ends: ended } : {}),
  };
  const key = `card.statement/${card.card_id}/${admitted.statement_digest}`;
  const events: NewEvent[] = [{ type: EVENT_TYPES[admitted.decision], key, payload }];
  const end = toCardEnd(admitted.decision, admitted.signed.statement.approver, admitted);
  // In the same append, so that a flow that starts again never finds a card that was refused and is open.
  if (end !== undefined) events.push(buildCardClosed(card.card_id, end));
  const voided = admitted.decision === "approve" ? [toApprovalsVoidedKey(card.card_id, round)] : [];
  const outcome = await appendEvents(deps.db, card.tenant_id, events, deps.now(), [toCardClosedKey(card.card_id), ...voided]);
  if (!outcome.ok) return denyConflict(outcome.conflict);
  if (outcome.voided.length > 0) return denyOutdated("The plan changed while the approval was recorded, which is void.");
  if (end !== undefined) countClosedCard(deps, outcome, card, end);
  return grantValue(admitted);
}
