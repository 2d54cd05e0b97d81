import type { DecisionEvidence } from "../domain/act/act-record.js";
import type { Infra } from "../domain/act/infra-context.js";
import { hashSubject } from "../domain/act/job.js";
import { type ActMarks, pickMarks } from "../domain/act/marks.js";
import type { ActAuthority } from "../domain/card/authority.js";
import { type FilledRequirement, listFilledRequirements } from "../domain/card/requirement.js";
import { denyWith, grantValue, type Outcome } from "../domain/denial.js";
import type { PlannedAct } from "../domain/flow/lab512-steps.js";
import { needsCard } from "../domain/level.js";
import type { CommandEnvelope } from "../domain/permit/envelope.js";
import type { Decision } from "../domain/policy/policy-contract.js";
import { type DecidedAct, decideAct, decideCardAct, excludesMakers, type Rules } from "./decide-act.js";
import { checkCardSignature, computeAuthorityActId, getRound, isSoloAct, judgeAuthority } from "./judge-authority.js";
import type { CardRound } from "./judge-statement.js";
import type { Pushers } from "./pushers.js";

/** How far a permit's `iat` may be ahead of the decision's time. Source: contracts "Decided twice". */
const CLOCK_SKEW_MAX_MS = 5000;

/** What a command is decided on, all of it established by the one who decides. */
export interface CommandFacts {
  readonly rules: Rules;
  readonly infra: Infra;
  /** The act's plan, computed now; null for an act without a card. */
  readonly planned: PlannedAct | null;
  /** The time of the decision. */
  readonly now_ms: number;
  /** Reads who pushed these commits from the receipts of the project's acts. */
  readPushers(commits: readonly string[] | null): Promise<Outcome<Pushers>>;
}

/** An allowed command. */
export interface DecidedCommand {
  readonly evidence: DecisionEvidence;
  /** The policy's requirements, and who filled each. */
  readonly filled: readonly FilledRequirement[];
  /** Who pushed the act's commits; null for an act without a card. */
  readonly pushers: Pushers | null;
  readonly marks: ActMarks;
}

/**
 * Decides a command, as the Runner does before its claim and an auditor afterwards: the act is allowed at the permit's level, every
 * requirement is met, and the permit keeps to the policy's times. Returns what it rests on. Denials: `decision_differs` with the reasons, `approval_missing`,
 * `permit_mismatch`, `envelope_invalid`. Source: contracts "Decided twice".
 */
export async function decideCommand(
  envelope: CommandEnvelope,
  authority: ActAuthority | null,
  facts: CommandFacts,
): Promise<Outcome<DecidedCommand>> {
  return facts.planned === null
    ? decideWithoutCard(envelope, facts)
    : decideWithCard(envelope, authority, { ...facts, planned: facts.planned });
}

function decideWithoutCard(envelope: CommandEnvelope, { rules, infra, now_ms }: CommandFacts): Outcome<DecidedCommand> {
  const { level, actor_id } = envelope.permit.scopes;
  // The permit's level stands for the requested risk, which can only raise the level.
  const decided = decideAct(rules, {
    act: { ...envelope, risk: level },
    actor_id,
    hasCard: false,
    facts: { fast_forward: null, project_exists: null, changed_paths: null },
    infra,
    at_ms: now_ms,
  });
  if (!decided.ok) return denyDiffering(decided.denial.message);
  const { requires } = decided.value;
  if (requires.length > 0 || needsCard(decided.value.level))
    return denyDiffering(`an act of level ${decided.value.level} needs an approved card`);
  const permitted = checkPermit(envelope, decided.value, now_ms);
  if (!permitted.ok) return permitted;
  const evidence = { decided: toEvidence(decided.value), card: null, plan: null, statements: [], attestations: [] };
  return grantValue({ evidence, filled: [], pushers: null, marks: {} });
}

async function decideWithCard(
  envelope: CommandEnvelope,
  authority: ActAuthority | null,
  { rules, planned, now_ms, readPushers }: CommandFacts & { readonly planned: PlannedAct },
): Promise<Outcome<DecidedCommand>> {
  if (authority === null) return denyWith("approval_missing", "The command came without the card and the approvals that it rests on.");
  const { card } = authority;
  for (const checked of [checkCardSignature(rules, authority), checkCard(envelope, authority, planned)]) if (!checked.ok) return checked;
  const decided = decideCardAct(rules, card, planned, now_ms);
  if (!decided.ok) return denyDiffering(decided.denial.message);
  const permitted = checkPermit(envelope, decided.value, now_ms);
  if (!permitted.ok) return permitted;
  const pushers = await readPushers(excludesMakers(card, decided.value.level) ? planned.plan.pushed_before : []);
  if (!pushers.ok) return pushers;
  if (pushers.value.hasUnknown)
    return denyWith("pushers_unknown", "A push that counts names no person, so nobody is known not to have pushed.");
  const round: CardRound = { card, round: getRound(authority), planned, decided: decided.value, pushers: pushers.value };
  const judged = await judgeAuthority(rules, round, authority, { at_ms: now_ms, used_at_ms: envelope.permit.iat });
  if (!judged.ok) return judged;
  const { approvals, attestations, statements, envelopes } = judged.value;
  return grantValue({
    evidence: { decided: toEvidence(decided.value), card, plan: planned.plan, statements, attestations: envelopes },
    filled: listFilledRequirements(decided.value.requires, planned.plan_digest, approvals, attestations),
    pushers: pushers.value,
    marks: pickMarks({ break_glass: card.break_glass, solo: isSoloAct(rules, round, approvals) || undefined }),
  });
}

function toEvidence({ input, ...decision }: DecidedAct) {
  return { input, decision };
}

/** Checks that the command is the act of this card, and that the permit's id is that of this approved plan. */
function checkCard(envelope: CommandEnvelope, authority: ActAuthority, { plan_digest }: PlannedAct): Outcome<null> {
  const { card } = authority;
  const { permit, params } = envelope;
  const shared = ["tenant_id", "jobType", "target", "office_id"] as const;
  const differing =
    shared.find((member) => envelope[member] !== card[member]) ??
    (hashSubject(params) === hashSubject(card.params) ? undefined : "params") ??
    (permit.scopes.approval_ref === card.card_id ? undefined : "approval_ref") ??
    (permit.scopes.actor_id === card.author.actor_id ? undefined : "actor_id");
  if (differing !== undefined) return denyWith("permit_mismatch", `The command and its card differ in \`${differing}\`.`);
  if (permit.jti === computeAuthorityActId(authority, plan_digest)) return grantValue(null);
  return denyWith("permit_mismatch", "The permit's `jti` is not that of this card, round and plan.");
}

/** Checks level and times of the permit against the decision. */
function checkPermit(
  { permit }: CommandEnvelope,
  decision: Pick<Extract<Decision, { allowed: true }>, "level" | "permit_ttl_ms" | "max_run_ms">,
  nowMs: number,
): Outcome<null> {
  const { iat, exp, max_run_ms, scopes } = permit;
  if (decision.level !== scopes.level) return denyDiffering(`the act is ${decision.level}, and the permit is for ${scopes.level}`);
  if (exp - iat > decision.permit_ttl_ms)
    return denyDiffering(`the permit is valid for ${exp - iat} ms, and the policy allows ${decision.permit_ttl_ms} ms`);
  if (max_run_ms > decision.max_run_ms)
    return denyDiffering(`the permit allows ${max_run_ms} ms of work, and the policy ${decision.max_run_ms} ms`);
  if (iat > nowMs + CLOCK_SKEW_MAX_MS)
    return denyDiffering(`the permit was issued at ${iat}, which is ahead of this Runner's clock (${nowMs}); check both clocks`);
  return grantValue(null);
}

function denyDiffering(why: string) {
  return denyWith("decision_differs", `By the Runner's own decision, the act must not happen: ${why.replace(/\.$/, "")}.`);
}
