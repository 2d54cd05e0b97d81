import { condition, setHandler } from "@temporalio/workflow";
import type { AttestationEnvelope } from "../domain/card/attestation.js";
import type { Card } from "../domain/card/card.js";
import type { MissingRequirement } from "../domain/card/requirement.js";
import { buildDenial, type Denial } from "../domain/denial.js";
import { lab256 } from "./activities.js";
import { CLOSED } from "./closed.js";
import type { Exclusive } from "./exclusive.js";
import type { Flow } from "./flow.js";
import { attestUpdate, type MessageVerdict } from "./messages.js";

/** The round of a card that is open for decisions, as attestations need to know it. */
export interface OpenRound {
  /** Why nothing more can be said of the plan, or null. */
  checkOpen(): Denial | null;
  isOpen(): boolean;
  /** Takes over what is missing now, and ends the wait where that is nothing. */
  updateMissing(missing: readonly MissingRequirement[]): void;
}

/** Takes attestations of a card's plan, one at a time with its statements and while those are taken. */
export function takeAttestations(flow: Flow, card: Card, exclusive: Exclusive, round: OpenRound): void {
  const judgeInTurn = async (attestation: AttestationEnvelope) => {
    // The ledger can show a plan before the flow has heard of it: who attests it is not too late.
    await condition(() => flow.status !== "planning");
    return exclusive.run(() => judgeAttestation(flow, card, round, attestation));
  };
  setHandler(attestUpdate, judgeInTurn, {
    description: "An attestation of the plan: an in-toto statement in a DSSE envelope",
    validator: (attestation) => {
      const problem = checkAttestation(flow, round, attestation);
      if (problem !== null) throw new Error(`${problem.code}: ${problem.message}`);
    },
  });
}

function checkAttestation(flow: Flow, round: OpenRound, attestation: AttestationEnvelope): Denial | null {
  if (typeof attestation?.payload !== "string") return buildDenial("attestation_invalid", "The message is no DSSE envelope.");
  return flow.status === "planning" ? null : round.checkOpen();
}

async function judgeAttestation(flow: Flow, card: Card, round: OpenRound, attestation: AttestationEnvelope): Promise<MessageVerdict> {
  const before = checkAttestation(flow, round, attestation);
  if (before !== null) return flow.toVerdict(before);
  const { planned, decided, approvals, attestations } = flow;
  if (planned === null || decided === null) return flow.toVerdict(CLOSED);
  const admitted = await lab256.admitAttestation({
    card,
    round: flow.round,
    attestation,
    planned,
    decided,
    approvals,
    attestations,
    at_ms: Date.now(),
  });
  // The state may have moved while the attestation was verified.
  if (!round.isOpen()) return flow.toVerdict(CLOSED);
  if (!admitted.ok) return flow.toVerdict(admitted.denial);
  const { attestation_digest, missing } = admitted.value;
  if (attestations.some((known) => known.attestation_digest === attestation_digest)) return flow.toVerdict(null);
  flow.attestations = admitted.value.attestations;
  round.updateMissing(missing);
  return flow.toVerdict(null);
}
