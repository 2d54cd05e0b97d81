import { type ForeignEnvelope, type VerifiedAttestation, verifyAttestation } from "../../domain/card/attestation.js";
import { type Attestation, listMissingRequirements } from "../../domain/card/requirement.js";
import { grantValue, type Outcome } from "../../domain/denial.js";
import type { AdmitAttestationInput, AdmittedAttestation } from "../../domain/flow/lab256-steps.js";
import { type EventPayloads, toApprovalsVoidedKey } from "../../domain/ledger/event.js";
import type { Requirement } from "../../domain/policy/policy-contract.js";
import { appendEvents } from "../ledger/append.js";
import { type CardDetail, findCard } from "../ledger/queries/cards.js";
import { denyConflict, toCardClosedKey } from "./card-closed.js";
import { checkPlanCurrent, type DecisionSources, decidePlannedAct } from "./cards.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { verifyCard } from "./genuine-card.js";
import { denyOutdated } from "./outdated-plans.js";

/** Verifies an attestation with the keys that the plan's policy names, and records it. Anyone can send an attestation. */
export async function admitAttestation(deps: Lab256Dependencies, input: AdmitAttestationInput): Promise<Outcome<AdmittedAttestation>> {
  const { card, planned, round, approvals, at_ms } = input;
  const genuine = verifyCard(deps, card);
  if (!genuine.ok) return genuine;
  const { card_id, tenant_id } = genuine.value;
  const { plan_digest } = planned;
  const recorded = await findCard(deps.db, genuine.value);
  if (recorded?.plan_digest !== plan_digest || recorded.round !== round)
    return denyOutdated(`The ledger does not have ${plan_digest} as the plan of round ${round} of ${card_id}.`);
  const verified = await verifyCardAttestation(deps, { ...recorded, card: genuine.value }, input.attestation);
  if (!verified.ok) return verified;
  const { requires } = verified.value;
  const { envelope, ...about } = verified.value.attestation;
  const own: Attestation = { ...about, plan_digest, at_ms };
  const others = input.attestations.filter(({ attestation_digest }) => attestation_digest !== own.attestation_digest);
  const attestations = [...others, own];
  const missing = listMissingRequirements(requires, plan_digest, approvals, attestations);
  const payload: EventPayloads["card.attested"] = { card_id, round, attestation: envelope, ...about, plan_digest, missing };
  const key = `card.attested/${card_id}/${round}/${own.attestation_digest}`;
  const ends = [toCardClosedKey(card_id), toApprovalsVoidedKey(card_id, round)];
  const outcome = await appendEvents(deps.db, tenant_id, [{ type: "card.attested", key, payload }], deps.now(), ends);
  if (!outcome.ok) return denyConflict(outcome.conflict);
  if (outcome.voided.length > 0) return denyOutdated("The plan changed while it was attested.");
  return grantValue({ attestation_digest: own.attestation_digest, attestations, missing });
}

interface CountedAttestation {
  readonly attestation: VerifiedAttestation;
  /** What the card's plan requires. */
  readonly requires: readonly Requirement[];
}

/** Verifies an attestation of a card's plan as the ledger has it, and records nothing. */
export async function verifyCardAttestation(
  deps: DecisionSources,
  recorded: CardDetail,
  attestation: ForeignEnvelope,
): Promise<Outcome<CountedAttestation>> {
  const { card, round, plan, plan_digest } = recorded;
  if (plan === null || plan_digest === null) return denyOutdated("The card has no plan yet.");
  const planned = { plan, plan_digest };
  const current = await checkPlanCurrent(deps, recorded, planned);
  if (!current.ok) return current;
  const decided = await decidePlannedAct(deps, card, { planned, round });
  if (!decided.ok) return decided;
  const { requires } = decided.value.decided;
  const verified = verifyAttestation(attestation, {
    cardId: card.card_id,
    planDigest: plan_digest,
    predicateTypes: requires.flatMap((requirement) => (requirement.kind === "attestation" ? [requirement.predicate_type] : [])),
    // The plan commits to the attestors of its policy. If another policy is active, no permit is issued for this plan.
    attestors: decided.value.rules.policy.data.attestors ?? {},
  });
  return verified.ok ? grantValue({ attestation: verified.value, requires }) : verified;
}
