import type { Card } from "../card/card.js";
import type { Approval, Attestation, MissingRequirement } from "../card/requirement.js";
import type { CommandEnvelope } from "../permit/envelope.js";
import type { DecidedPlan } from "./lab256-steps.js";
import type { PlannedAct } from "./lab512-steps.js";

/** A card from its proposal on, or a command, which enters at a later stage. `resumed` continues the flow of a card in a new run. */
export type OfficialActInput =
  | { readonly kind: "card"; readonly card: Card; readonly resumed?: OpenRound }
  | { readonly kind: "command"; readonly envelope: CommandEnvelope; readonly actor_id: string };

/** A round that waits for decisions. LAB 256 relies on the ledger instead. */
export interface OpenRound {
  readonly round: number;
  readonly planned: PlannedAct;
  readonly decided: DecidedPlan;
  readonly approvals: readonly Approval[];
  readonly attestations: readonly Attestation[];
  readonly missing: readonly MissingRequirement[];
  /** Since when nothing is missing, if so, in milliseconds since 1970. */
  readonly completed_at: number;
}
