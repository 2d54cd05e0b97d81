import type { Infra } from "../domain/act/infra-context.js";
import type { Card } from "../domain/card/card.js";
import { type Denial, denyWith, grantValue } from "../domain/denial.js";
import type { PlannedAct } from "../domain/flow/lab512-steps.js";
import { isLevelAtLeast, type Level } from "../domain/level.js";
import type { ActInput, Decision, Reason } from "../domain/policy/policy-contract.js";
import type { Result } from "../domain/result.js";
import { buildActInput, type KnownFacts, type RequestedAct } from "./act-input.js";
import type { NewestCharter } from "./charter/newest-charter.js";
import { findMember } from "./members.js";
import type { Policy } from "./policy/policy.js";

/** The members, keys and policy by which an act is judged. */
export interface Rules {
  readonly charter: NewestCharter;
  readonly policy: Policy;
}

/** An act, and what is known about it. */
export interface ActQuestion {
  readonly act: RequestedAct;
  readonly actor_id: string;
  readonly hasCard: boolean;
  readonly facts: KnownFacts;
  readonly infra: Infra;
  /** The time of the decision, in milliseconds since 1970. */
  readonly at_ms: number;
}

export type AllowedDecision = Extract<Decision, { allowed: true }>;

/** An allowed act, with what the policy was asked. */
export type DecidedAct = AllowedDecision & { readonly input: ActInput };

/** The level and the requirements of an act that may happen once they are met. A denial has the policy's reasons. */
export type ActDecision = Result<DecidedAct, { readonly denial: Denial; readonly reasons: readonly Reason[] }>;

/** Decides about an act by the members of the charter and by its policy. Pure. Source: contracts "Decided twice". */
export function decideAct({ charter, policy }: Rules, { act, actor_id, hasCard, facts, infra, at_ms }: ActQuestion): ActDecision {
  const member = findMember(charter, actor_id, at_ms);
  if (member === undefined) return deny(`${actor_id} is not an active actor of ${act.tenant_id}.`);
  const requester = { actor_id, person_id: member.person_id, member_offices: member.offices.map(({ office_id }) => office_id) };
  const input = buildActInput(requester, act, hasCard, facts, infra);
  const decision = policy.decide(input);
  if (!decision.allowed) return deny(decision.reasons.map((reason) => reason.text).join(" "), decision.reasons);
  if (member.person_id === null && decision.level !== "L0")
    return deny(`${actor_id} is one of the registry's own services, which act at L0 alone; this act is ${decision.level}.`);
  return grantValue({ ...decision, input });
}

/** Returns whether nobody who pushed or wrote the act's commits may approve it, unless the policy says so. Source: contracts "Levels". */
export function excludesMakers({ break_glass }: Pick<Card, "break_glass">, level: Level): boolean {
  return isLevelAtLeast(level, "L3") && break_glass === undefined;
}

/** Decides about a card's act by its plan. The author must still belong to the person who opened the card. */
export function decideCardAct(rules: Rules, card: Card, { plan }: PlannedAct, atMs: number): ActDecision {
  const { actor_id, person_id } = card.author;
  const author = findMember(rules.charter, actor_id, atMs);
  if (author !== undefined && author.person_id !== person_id)
    return deny(`${actor_id} belongs to another person than when the card was opened. Open a new card.`);
  const { charter, infra } = plan.basis;
  const decided = decideAct(rules, {
    act: card,
    actor_id,
    hasCard: true,
    // The act was planned, so the project exists unless the act registers it.
    facts: {
      fast_forward: plan.fast_forward,
      project_exists: card.jobType !== "git.registry.init",
      changed_paths: plan.changed_paths,
      ...(charter === undefined ? {} : { charter_level: charter.level }),
    },
    infra,
    at_ms: atMs,
  });
  if (!decided.ok) return decided;
  const { level } = decided.value;
  // A policy that does not know break-glass must not waive anything for it.
  if (card.break_glass !== undefined && level !== "L5") return deny(`A break-glass act is L5, and the policy gives it ${level}.`);
  if (charter === undefined || isLevelAtLeast(level, charter.level)) return decided;
  return deny(`This change of the charter is an act of at least ${charter.level}, and the policy gives it ${level}.`);
}

function deny(message: string, reasons: readonly Reason[] = []) {
  return { ...denyWith("policy_denied", message), reasons };
}
