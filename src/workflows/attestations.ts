import type { ForeignEnvelope } from "../domain/card/attestation.js";
import type { Card } from "../domain/card/card.js";
import type { MissingRequirement } from "../domain/card/requirement.js";
import { buildDenial, type Denial } from "../domain/denial.js";
import { lab256 } from "./activities.js";
import type { Flow } from "./flow.js";
import type { MessageVerdict } from "./messages.js";

/** The denial of a message that arrives after its round has closed. */
export const CLOSED: Denial = buildDenial("closed", "The card is no longer open for decisions; read its state.");

/** The round of a card that is open for decisions. */
export interface DecidableRound {
  readonly isOpen: boolean;
  /** Returns why the plan accepts no more messages, or null. */
  checkOpen(): Denial | null;
  /** Refuses a message, and lets the card get a new plan if that is why. */
  refuseMessage(denial: Denial): MessageVerdict;
  /** Sets what is still missing, and ends the wait if nothing is. */
  updateMissing(missing: readonly MissingRequirement[]): void;
}

export function checkAttestation(flow: Flow, round: DecidableRound, attestation: ForeignEnvelope): Denial | null {
  if (typeof attestation?.payload !== "string") return buildDenial("attestation_invalid", "The message is no DSSE envelope.");
  return flow.status === "planning" ? null : round.checkOpen();
}

export async function judgeAttestation(
  flow: Flow,
  card: Card,
  round: DecidableRound,
  attestation: ForeignEnvelope,
): Promise<MessageVerdict> {
  const before = checkAttestation(flow, round, attestation);
  if (before !== null) return flow.toVerdict(before);
  const { planned, approvals, attestations } = flow;
  if (planned === null) return flow.toVerdict(CLOSED);
  const admitted = await lab256.admitAttestation({
    card,
    round: flow.round,
    attestation,
    planned,
    approvals,
    attestations,
    at_ms: Date.now(),
  });
  if (!admitted.ok) return round.refuseMessage(admitted.denial);
  // The round may have closed while the attestation was verified.
  if (!round.isOpen) return flow.toVerdict(CLOSED);
  const { attestation_digest, missing } = admitted.value;
  if (attestations.some((known) => known.attestation_digest === attestation_digest)) return flow.toVerdict(null);
  flow.attestations = admitted.value.attestations;
  round.updateMissing(missing);
  return flow.toVerdict(null);
}
