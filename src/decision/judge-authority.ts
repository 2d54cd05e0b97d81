import { computeCardActId } from "../domain/act/act-id.js";
import type { Blake3Hex } from "../domain/bytes/hash.js";
import { verifySignedObject } from "../domain/bytes/signature.js";
import { type AttestationEnvelope, verifyAttestation } from "../domain/card/attestation.js";
import type { ActAuthority } from "../domain/card/authority.js";
import { type Approval, type Attestation, listMissingRequirements } from "../domain/card/requirement.js";
import type { SignedStatement } from "../domain/card/statement.js";
import { denyWith, grantValue, type Outcome } from "../domain/denial.js";
import type { Rules } from "./decide-act.js";
import { type CardRound, type JudgedStatement, judgeStatement, type StatementTimes } from "./judge-statement.js";
import { waivesForSolo } from "./solo.js";

/** What of an act's authority counts. */
export interface CountedAuthority {
  readonly approvals: readonly Approval[];
  readonly attestations: readonly Attestation[];
  /** The signed statements of the approvals, each statement once. */
  readonly statements: readonly SignedStatement[];
  /** The verified envelopes of the attestations. */
  readonly envelopes: readonly AttestationEnvelope[];
}

/** Every approval of an act is of one round; those of others do not count. */
export function getRound({ statements }: Pick<ActAuthority, "statements">): number {
  return statements[0]?.statement.round ?? 1;
}

/** Computes the id of the act that rests on this authority, by which it happens at most once. */
export function computeAuthorityActId({ card, statements }: Pick<ActAuthority, "card" | "statements">, planDigest: string): string {
  return computeCardActId(card.tenant_id, card.card_id, getRound({ statements }), planDigest);
}

/** Checks that the api signed the card for the actor that it authenticated. Denial: `envelope_invalid`. */
export function checkCardSignature({ charter }: Pick<Rules, "charter">, { card }: Pick<ActAuthority, "card">): Outcome<null> {
  const verdict = verifySignedObject("card", card, charter.listKeys("statement"));
  if (verdict === "valid") return grantValue(null);
  return denyWith("envelope_invalid", `The card is not signed by this registry's api (${verdict}).`);
}

/**
 * Judges every approval and every attestation of a round again, and whether they meet all requirements. Pure. Denial: `approval_missing`,
 * with what is missing and why each statement did not count. Source: contracts "Decided twice".
 */
export async function judgeAuthority(
  rules: Rules,
  about: CardRound,
  { statements, attestations: candidates }: Pick<ActAuthority, "statements" | "attestations">,
  times: StatementTimes,
): Promise<Outcome<CountedAuthority>> {
  const { card, planned, decided } = about;
  const { plan_digest } = planned;
  const approvals: Approval[] = [];
  const accepted = new Map<string, SignedStatement>();
  const refused: string[] = [];
  for (const signed of statements) {
    const judged = await judgeStatement(rules, about, signed, times);
    if (judged.ok && judged.value.admission.counts && judged.value.statement.decision === "approve") {
      if (accepted.has(judged.value.statement_digest)) continue;
      accepted.set(judged.value.statement_digest, signed);
      approvals.push(toApproval(judged.value, plan_digest, times.at_ms));
    } else refused.push(judged.ok ? judged.value.admission.reasons.map(({ text }) => text).join(" ") : judged.denial.message);
  }
  const attestations: Attestation[] = [];
  const envelopes: AttestationEnvelope[] = [];
  for (const candidate of candidates) {
    const verified = verifyAttestation(candidate, {
      cardId: card.card_id,
      planDigest: plan_digest,
      predicateTypes: decided.requires.flatMap((requirement) => (requirement.kind === "attestation" ? [requirement.predicate_type] : [])),
      attestors: rules.policy.data.attestors ?? {},
    });
    if (verified.ok) {
      const { attestation_digest, predicate_type, keyid, envelope } = verified.value;
      envelopes.push(envelope);
      attestations.push({ attestation_digest, predicate_type, keyid, plan_digest, at_ms: times.at_ms });
    } else refused.push(verified.denial.message);
  }
  const missing = listMissingRequirements(decided.requires, plan_digest, approvals, attestations);
  if (missing.length === 0) return grantValue({ approvals, attestations, statements: [...accepted.values()], envelopes });
  const why = [`${card.card_id} lacks ${missing.map((one) => one.text).join(" and ")}.`, ...refused];
  return denyWith("approval_missing", why.join(" "));
}

/** Returns whether the only person who can approve approved an act of their own, which two persons decide in any other tenant. */
export function isSoloAct(rules: Rules, { card, planned, decided, pushers }: CardRound, approvals: readonly Approval[]): boolean {
  if (!waivesForSolo(rules, decided.level)) return false;
  const authors = rules.charter.listPersonsByEmail(planned.plan.author_emails);
  const makers = new Set([card.author.person_id, ...pushers.person_ids, ...authors]);
  return approvals.some(({ person_id }) => makers.has(person_id));
}

/** A judged approval as requirements count it. */
export function toApproval(judged: JudgedStatement, planDigest: Blake3Hex, atMs: number): Approval {
  return {
    statement_digest: judged.statement_digest,
    plan_digest: planDigest,
    actor_id: judged.actor_id,
    person_id: judged.person_id ?? judged.actor_id,
    office_id: judged.office_id,
    roles: judged.roles,
    step_up: judged.step_up,
    at_ms: atMs,
  };
}
