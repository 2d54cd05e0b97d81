import { verifySignedObject } from "../domain/bytes/signature.js";
import { type Card, hashCard } from "../domain/card/card.js";
import {
  type Assertion,
  computeStatementChallenge,
  hashStatement,
  type SignedStatement,
  type Statement,
  type StatementDecision,
  signedStatementSchema,
} from "../domain/card/statement.js";
import type { Passkey } from "../domain/charter/records.js";
import { denyWith, grantValue, type Outcome } from "../domain/denial.js";
import type { PlannedAct } from "../domain/flow/lab512-steps.js";
import type { ActorKind } from "../domain/ids.js";
import { isLevelAtLeast, type Level } from "../domain/level.js";
import type { StatementAdmission } from "../domain/policy/policy-contract.js";
import { formatProblems, parseWith } from "../domain/problems.js";
import { denyStepUp, verifyAssertion } from "./assertion.js";
import type { NewestCharter } from "./charter/newest-charter.js";
import { type AllowedDecision, excludesMakers, type Rules } from "./decide-act.js";
import { findMember, type Member } from "./members.js";
import { findKeptPasskeys } from "./own-passkey.js";
import { waivesForSolo } from "./solo.js";

/** The persons who pushed an act's commits. */
export interface KnownPushers {
  readonly person_ids: readonly string[];
  /** False if the pushers of some commit are unknown. The list then contains everyone who may have pushed it. */
  readonly exact: boolean;
}

/** The time for a card's first plan, from which its time to decide counts. */
export const PLANNING_MAX_MS = 24 * 3_600_000;

/** How far the clocks of two planes may differ. Source: contracts "Permit, command, claim, receipt". */
const CLOCK_SKEW_MAX_MS = 5000;

/** A card about which statements are made: a round of it, or round 0, in which it has no plan. */
export interface JudgedCard {
  readonly card: Card;
  readonly round: number;
  readonly planned: PlannedAct | null;
  readonly decided: Pick<AllowedDecision, "level" | "requires" | "decide_within_ms">;
  readonly pushers: KnownPushers;
}

/** A round of a card, which has a plan. */
export interface CardRound extends JudgedCard {
  readonly planned: PlannedAct;
}

/** A genuine statement, and whether it counts. */
export interface JudgedStatement {
  readonly statement: Statement;
  readonly statement_digest: string;
  readonly actor_id: string;
  readonly kind: ActorKind;
  readonly person_id: string | null;
  readonly office_id: string;
  /** The approver's roles at that office. */
  readonly roles: readonly string[];
  readonly step_up: boolean;
  /** The counter of the passkey, for a statement with a step-up. */
  readonly counter: number | null;
  readonly admission: StatementAdmission;
}

/** When a statement is judged, in milliseconds since 1970. */
export interface StatementTimes {
  /** For the approver's offices. */
  readonly at_ms: number;
  /** The statement's `not_after` must not be before this time. */
  readonly used_at_ms: number;
}

/**
 * Judges a statement from any source about a card, by the members, passkeys and keys of the charter: shape, the api's signature,
 * tenant, card, round, plan, `not_after`, approver, office, step-up, and whether the policy counts it. Pure. Denials: `statement_invalid`,
 * `step_up_required`, `step_up_invalid`. Source: contracts "Plan and statements", "Decided twice".
 */
export async function judgeStatement(
  rules: Rules,
  about: JudgedCard,
  candidate: unknown,
  { at_ms, used_at_ms }: StatementTimes,
): Promise<Outcome<JudgedStatement>> {
  const parsed = parseWith(signedStatementSchema, candidate);
  if (!parsed.ok) return denyStatement(`The statement is malformed: ${formatProblems(parsed.problems)}`);
  const { statement, assertion } = parsed.value;
  const mismatch = findMismatch(rules.charter, about, parsed.value, used_at_ms);
  if (mismatch !== undefined) return denyStatement(mismatch);
  const member = findMember(rules.charter, statement.approver, at_ms);
  if (member === undefined) return denyStatement(`${statement.approver} is not an active actor of ${statement.tenant_id}.`);
  const office = member.offices.find((held) => held.office_id === statement.office_id);
  if (office === undefined) return denyStatement(`${statement.approver} does not hold the office ${statement.office_id}.`);

  if (assertion === undefined && needsStepUp(about.decided, statement.decision))
    return denyWith(
      "step_up_required",
      `This statement needs a step-up at level ${about.decided.level}: assert its digest with a passkey.`,
    );
  const counter = assertion === undefined ? grantValue(null) : await verifyStepUp(rules, about, member, { statement, assertion });
  if (!counter.ok) return counter;
  const step_up = assertion !== undefined;
  const { actor_id, kind, person_id } = member;
  return grantValue({
    statement,
    statement_digest: hashStatement(statement),
    ...{ actor_id, kind, person_id, step_up, counter: counter.value },
    office_id: office.office_id,
    roles: office.roles,
    admission: askPolicy(rules, about, statement, member, { roles: office.roles, step_up }),
  });
}

/** Asks the policy whether an approval of this member would count, were it signed as the level asks. */
export function judgeApprover(
  rules: Rules,
  about: JudgedCard,
  { approver, office_id }: Pick<Statement, "approver" | "office_id">,
  atMs: number,
): StatementAdmission | undefined {
  const member = findMember(rules.charter, approver, atMs);
  const office = member?.offices.find((held) => held.office_id === office_id);
  if (member === undefined || office === undefined) return undefined;
  const made = { roles: office.roles, step_up: needsStepUp(about.decided, "approve") };
  return askPolicy(rules, about, { decision: "approve", office_id }, member, made);
}

/** Returns whether a statement about a plan of this level and these requirements needs a step-up. */
export function needsStepUp({ level, requires }: Pick<CardRound["decided"], "level" | "requires">, decision: StatementDecision): boolean {
  if (decision === "withdraw") return false;
  if (isLevelAtLeast(level, "L4")) return true;
  return decision === "approve" && requires.some((requirement) => requirement.kind === "approvals" && requirement.step_up);
}

/** Finds what is wrong with the statement itself or does not match its card. Returns undefined if nothing is. */
function findMismatch(charter: NewestCharter, about: JudgedCard, signed: SignedStatement, usedAtMs: number): string | undefined {
  const { statement, attestor } = signed;
  const { card, round, planned, decided } = about;
  const verdict = verifySignedObject("statement", { ...statement, ...attestor }, charter.listKeys("statement"));
  if (verdict === "key_unknown") return `The statement is attested by the key ${attestor.kid}, which is not trusted.`;
  if (verdict === "signature_invalid") return "The attestor's signature does not match this statement.";
  if (statement.tenant_id !== card.tenant_id) return `The statement is for the tenant ${statement.tenant_id}, not ${card.tenant_id}.`;
  if (statement.card_id !== card.card_id) return `The statement is for the card ${statement.card_id}, not ${card.card_id}.`;
  if (statement.card_digest !== hashCard(card)) return `The statement is for another content of the card ${card.card_id}.`;
  if (statement.plan_digest !== (planned?.plan_digest ?? null))
    return `The statement is for ${namePlan(statement.plan_digest)}, but the card has now ${namePlan(planned?.plan_digest)}; review it and decide again.`;
  if (statement.round !== round)
    return `The statement is for round ${statement.round} of the card, which is in round ${round}; decide again.`;
  const latest = card.opened_at + PLANNING_MAX_MS + decided.decide_within_ms;
  if (statement.not_after > latest || card.opened_at > usedAtMs + CLOCK_SKEW_MAX_MS)
    return `The statement is valid until ${new Date(statement.not_after).toISOString()}, which is longer than the policy lets a card wait.`;
  if (statement.not_after < usedAtMs) return `The statement expired at ${new Date(statement.not_after).toISOString()}; make a new one.`;
  return undefined;
}

function namePlan(digest: string | null | undefined): string {
  return typeof digest === "string" ? `the plan ${digest}` : "no plan yet";
}

/** Verifies the step-up by a passkey that the charter lists for approvals of this level. Returns its counter. */
async function verifyStepUp(
  { charter, policy }: Rules,
  { card, decided }: JudgedCard,
  { actor_id, kind, person_id }: Member,
  { statement, assertion }: { readonly statement: Statement; readonly assertion: Assertion },
): Promise<Outcome<number>> {
  if (kind !== "person" || person_id === null)
    return denyWith("step_up_invalid", `${actor_id} is not a person, and only a person has passkeys.`);
  const passkey = findPasskey(charter, person_id, assertion.id);
  // The same denial for an unknown credential and for another person's, so that it does not reveal which credentials exist.
  if (passkey === undefined) return denyStepUp("the passkey is not one of this person's in the charter");
  const kept = findKeptPasskeys(charter, card, person_id);
  if (kept?.every(({ credential_id }) => credential_id !== assertion.id))
    return denyStepUp("the change takes this passkey away; use one that you keep");
  if (!isLevelAtLeast(passkey.counts_to, decided.level))
    return denyStepUp(`the passkey counts up to ${passkey.counts_to}, and this act is ${decided.level}`);
  if (!policy.acceptsPasskey(passkey, decided.level))
    return denyStepUp(`the policy asks for another model of authenticator at ${decided.level}`);
  const rp = charter.find("relying_party", passkey.relying_party);
  if (rp?.use !== "approve") return denyStepUp(`passkeys of ${passkey.relying_party} do not count for approvals`);
  const asked = policy.data.levels[decided.level].passkeys?.origin;
  return verifyAssertion(assertion, {
    challenge: computeStatementChallenge(statement),
    what: "the digest of this statement",
    person_id,
    rp: { id: passkey.relying_party, origins: rp.origins.filter((origin) => asked === undefined || origin === asked) },
    publicKey: Buffer.from(passkey.public_key, "base64url"),
  });
}

/** Lists the passkeys of a person whose assertions can count for a card of this level: not those that the card takes away from its author. */
export function listCountingPasskeys({ charter, policy }: Rules, card: Card, personId: string, level: Level): readonly Passkey[] {
  const passkeys = findKeptPasskeys(charter, card, personId) ?? charter.find("person", personId)?.passkeys ?? [];
  return passkeys.filter(
    (passkey) =>
      isLevelAtLeast(passkey.counts_to, level) &&
      charter.find("relying_party", passkey.relying_party)?.use === "approve" &&
      policy.acceptsPasskey(passkey, level),
  );
}

function findPasskey(charter: NewestCharter, personId: string, credentialId: string): Passkey | undefined {
  return charter.find("person", personId)?.passkeys.find(({ credential_id }) => credential_id === credentialId);
}

function askPolicy(
  { charter, policy }: Rules,
  { card, planned, decided, pushers }: JudgedCard,
  { decision, office_id }: Pick<Statement, "decision" | "office_id">,
  { actor_id, kind, person_id, offices }: Member,
  { roles, step_up }: Pick<JudgedStatement, "roles" | "step_up">,
): StatementAdmission {
  const isExcluding = excludesMakers(card, decided.level);
  const isOwn = decision === "approve" && findKeptPasskeys(charter, card, person_id) !== undefined;
  const admission = policy.admit({
    tenant_id: card.tenant_id,
    job_type: card.jobType,
    level: decided.level,
    decision,
    step_up,
    actor: { actor_id, kind, person_id },
    office_id,
    member_offices: offices.map((held) => held.office_id),
    roles: [...roles],
    card: {
      author_person_id: card.author.person_id,
      pusher_person_ids: isExcluding ? [...pushers.person_ids] : [],
      commit_author_person_ids: isExcluding ? [...charter.listPersonsByEmail(planned?.plan.author_emails ?? [])] : [],
      break_glass: card.break_glass !== undefined,
      solo: decision === "approve" && (isOwn || waivesForSolo({ charter, policy }, decided.level)),
    },
  });
  if (decision !== "withdraw" && !isOwn && person_id !== null && planned?.plan.basis.charter?.takes_power_from.includes(person_id) === true)
    return { counts: false, reasons: [...admission.reasons, LOSES_POWER] };
  const mayHavePushed = person_id !== null && pushers.person_ids.includes(person_id);
  if (pushers.exact || admission.counts || !mayHavePushed) return admission;
  return { ...admission, reasons: [...admission.reasons, PUSHERS_NOT_KNOWN] };
}

/** Explains why a person neither approves nor rejects a change that takes power from that person. */
const LOSES_POWER = {
  rule: "approver.loses_power",
  text: "The change takes power from this person, who therefore neither approves nor rejects it.",
};

/** Explains why a person is excluded who may have pushed only other commits. */
const PUSHERS_NOT_KNOWN = {
  rule: "approver.pushers_not_known",
  text: "It is not known who pushed each of these commits, so no one who ever pushed to the project counts.",
};

function denyStatement(message: string): ReturnType<typeof denyWith> {
  return denyWith("statement_invalid", message);
}
