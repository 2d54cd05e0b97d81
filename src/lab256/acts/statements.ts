import { describeCompletion } from "../../decision/completable.js";
import type { Rules } from "../../decision/decide-act.js";
import { toApproval } from "../../decision/judge-authority.js";
import { type JudgedCard, type JudgedStatement, judgeApprover, judgeStatement } from "../../decision/judge-statement.js";
import { isCharterJob } from "../../domain/act/job.js";
import type { Card } from "../../domain/card/card.js";
import { toCardEnd } from "../../domain/card/card-end.js";
import { listMissingRequirements } from "../../domain/card/requirement.js";
import { type SignedStatement, type Statement, type StatementDecision, signedStatementSchema } from "../../domain/card/statement.js";
import { buildDenial, type Denial, denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import type { AdmitStatementInput, AdmittedStatement } from "../../domain/flow/lab256-steps.js";
import { type EventPayloads, type NewEvent, toApprovalsVoidedKey } from "../../domain/ledger/event.js";
import type { StatementAdmission } from "../../domain/policy/policy-contract.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { acceptStepUp } from "../identity/passkeys/step-up.js";
import { appendEvents } from "../ledger/append.js";
import { type CardDetail, findCard } from "../ledger/queries/cards.js";
import { buildCardClosed, denyConflict, toCardClosedKey } from "./card-closed.js";
import { checkPlanCurrent, type DecisionSources, decidePlannedAct } from "./cards.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { countClosedCard } from "./flow-metrics.js";
import { verifyCard } from "./genuine-card.js";
import { denyOutdated } from "./outdated-plans.js";

/** A genuine statement that counts, and the card that it was judged about. */
interface CountedStatement {
  readonly about: JudgedCard & { readonly rules: Rules };
  readonly judged: JudgedStatement;
}

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
  if (recorded === undefined) return denyWith("plan_changed", `The ledger does not have the card ${card.card_id}.`);
  if (planned !== null && planned.plan_digest !== recorded.plan_digest)
    return denyWith("plan_changed", `The ledger does not have ${planned.plan_digest} as the current plan of ${card.card_id}.`);
  const counted = await judgeCardStatement(deps, { ...recorded, card: genuine.value }, signed, input.at_ms);
  if (!counted.ok) return counted;
  const { about, judged } = counted.value;
  const { counter, statement_digest } = judged;
  if (signed.assertion !== undefined && counter !== null) {
    const accepted = await acceptStepUp(deps.db, {
      tenant_id: card.tenant_id,
      assertion: signed.assertion,
      counter,
      digest: statement_digest,
    });
    if (!accepted.ok) return accepted;
  }
  const more_rejections = judged.statement.decision === "reject" ? countMissingRejections(about, recorded, judged) : 0;
  const admitted = toAdmittedStatement(input, about, recorded, signed, judged);
  const stated = { ...admitted, ...(more_rejections > 0 ? { more_rejections } : {}) };
  const written = await recordStatement(deps, input, recorded.round, stated, judged);
  if (!written.ok) return written;
  return written.value === "new" ? grantValue(stated) : repeatStatement(deps, input, about, stated);
}

/** Answers a statement that the ledger has already. It changes nothing, and counts only as far as the ledger lets it stand. */
async function repeatStatement(
  deps: Lab256Dependencies,
  { card, approvals, attestations }: AdmitStatementInput,
  { planned, decided }: JudgedCard,
  stated: AdmittedStatement,
): Promise<Outcome<AdmittedStatement>> {
  const { statements = [] } = (await findCard(deps.db, card)) ?? {};
  const isApproval = stated.decision === "approve";
  const why = statements.find(({ statement_digest }) => statement_digest === stated.statement_digest)?.void_why;
  if (isApproval && why !== null)
    return denyWith(
      "statement_not_counted",
      `This approval was given before and no longer counts: ${why ?? "it was replaced."} Approve again.`,
    );
  const standing = new Set(statements.filter(({ void_why }) => void_why === null).map(({ statement_digest }) => statement_digest));
  const after = (isApproval ? stated.approvals : approvals).filter(({ statement_digest }) => standing.has(statement_digest));
  const missing = planned === null ? stated.missing : listMissingRequirements(decided.requires, planned.plan_digest, after, attestations);
  return grantValue({ ...stated, approvals: after, missing });
}

/**
 * Judges a statement about a card as the ledger has it. Records nothing and accepts no passkey's counter. Denials: those of
 * {@link judgeStatement}, `decide_by_passed`, `statement_not_counted`, and those after which a card gets a new plan.
 */
export async function judgeCardStatement(
  deps: DecisionSources,
  recorded: CardDetail,
  signed: SignedStatement,
  atMs: number,
): Promise<Outcome<CountedStatement>> {
  if (recorded.decide_by !== null && atMs >= recorded.decide_by)
    return denyWith("decide_by_passed", "The time to decide is over. Open a new card.");
  const { decision } = signed.statement;
  const about = await readJudgedCard(deps, recorded, decision);
  if (!about.ok) return about;
  const judged = await judgeStatement(about.value.rules, about.value, signed, { at_ms: atMs, used_at_ms: atMs });
  if (!judged.ok) return judged;
  const { admission } = judged.value;
  if (!admission.counts) return wrapDenial(denyNotCounted(about.value, decision, admission, atMs));
  return grantValue({ about: about.value, judged: judged.value });
}

/** Finds why an approval would not count even with a step-up, so that nobody gets a passkey for it in vain. */
export async function findWhyNotCounted(
  deps: DecisionSources,
  recorded: CardDetail,
  statement: Pick<Statement, "approver" | "office_id">,
  atMs: number,
): Promise<Denial | undefined> {
  const about = await readJudgedCard(deps, recorded, "approve");
  if (!about.ok) return undefined;
  const admission = judgeApprover(about.value.rules, about.value, statement, atMs);
  return admission === undefined || admission.counts ? undefined : denyNotCounted(about.value, "approve", admission, atMs);
}

/** Builds the denial of a statement that does not count. That of an approval says whose would. */
function denyNotCounted(
  { rules, planned, ...about }: CountedStatement["about"],
  decision: StatementDecision,
  { reasons }: StatementAdmission,
  atMs: number,
): Denial {
  const whose = decision === "approve" && planned !== null ? describeCompletion(rules, { ...about, planned }, atMs) : [];
  return buildDenial("statement_not_counted", [...reasons, ...whose].map(({ text }) => text).join(" "));
}

async function readJudgedCard(
  deps: DecisionSources,
  recorded: CardDetail,
  decision: StatementDecision,
): Promise<Outcome<CountedStatement["about"]>> {
  const { card, round, plan, plan_digest } = recorded;
  if (plan === null || plan_digest === null) return readUnplannedCard(deps, card, decision);
  const planned = { plan, plan_digest };
  // A plan that has changed can still be rejected, and a card or an approval withdrawn.
  const current = decision === "approve" ? await checkPlanCurrent(deps, recorded, planned) : grantValue(null);
  return current.ok ? decidePlannedAct(deps, card, { planned, round }) : current;
}

/** What is not known before the plan means the worst. */
const UNPLANNED: Omit<JudgedCard, "card"> = {
  round: 0,
  planned: null,
  decided: { level: "L5", requires: [], decide_within_ms: 0 },
  pushers: { person_ids: [], exact: true },
};

async function readUnplannedCard(
  deps: DecisionSources,
  card: Card,
  decision: StatementDecision,
): Promise<Outcome<CountedStatement["about"]>> {
  if (decision === "reject" && isCharterJob(card))
    return denyWith(
      "statement_not_counted",
      "Whom a change of the charter takes power from is known from its plan. Reject it once it has one; its author can withdraw it now.",
    );
  const charter = await deps.policies.charters.readNewest(card.tenant_id);
  if (!charter.ok) return charter;
  const rules = await deps.policies.readRules(card.tenant_id, charter.value.policy_hash);
  return rules.ok ? grantValue({ ...UNPLANNED, card, rules: rules.value }) : rules;
}

/**
 * Returns how many more persons must reject. At `registry.*` a rejection closes the card only when as many reject as must approve, so that
 * one person cannot veto a change that the others agree on. Source: contracts "Charter".
 */
function countMissingRejections(
  { card, round, planned, decided, rules }: CountedStatement["about"],
  { statements }: CardDetail,
  rejected: JudgedStatement,
): number {
  if (!isCharterJob(card) || planned === null) return 0;
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
  { card, approvals, attestations, at_ms }: AdmitStatementInput,
  { planned, decided }: JudgedCard,
  recorded: CardDetail,
  signed: SignedStatement,
  verified: JudgedStatement,
): AdmittedStatement {
  const { decision } = verified.statement;
  const { kind, person_id: person, actor_id, office_id } = verified;
  // A person can approve through several offices, and the roles of each count. A withdrawal ends all approvals of the
  // person; an agent's or app's ends only its own.
  const others = approvals.filter((approval) => (kind === "person" ? approval.person_id !== person : approval.actor_id !== actor_id));
  const elsewhere = approvals.filter((approval) => approval.person_id !== (person ?? actor_id) || approval.office_id !== office_id);
  const approved = decision === "approve" && planned !== null;
  const after = approved ? [...elsewhere, toApproval(verified, planned.plan_digest, at_ms)] : others;
  return {
    signed,
    statement_digest: verified.statement_digest,
    decision,
    by_author: actor_id === card.author.actor_id || (kind === "person" && person !== null && person === card.author.person_id),
    approvals: after,
    missing: planned === null ? recorded.missing : listMissingRequirements(decided.requires, planned.plan_digest, after, attestations),
  };
}

const EVENT_TYPES = { approve: "card.approved", reject: "card.rejected", withdraw: "card.withdrawn" } as const;

async function recordStatement(
  deps: Lab256Dependencies,
  input: AdmitStatementInput,
  round: number,
  admitted: AdmittedStatement,
  { admission }: JudgedStatement,
): Promise<Outcome<"new" | "repeated">> {
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
  return grantValue(outcome.appended[0]?.isNew ? "new" : "repeated");
}
