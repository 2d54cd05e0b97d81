import type { Card } from "../../domain/card/card.js";
import { buildDenial } from "../../domain/denial.js";
import type { FlowEnd } from "../../domain/flow/lab256-steps.js";
import type { Permit } from "../../domain/permit/permit.js";
import type { Receipt } from "../../domain/permit/receipt.js";
import { countFlow, observeReceipt } from "../../process/metrics/lab256.js";
import type { AppendOutcome } from "../ledger/append-batch.js";
import { findCardLevel } from "../ledger/queries/card-level.js";
import { toCardClosedKey } from "./card-closed.js";
import type { Lab256Dependencies } from "./dependencies.js";

/** Returns whether the append added this event. A retry of the step finds the event already there, and it has been counted. */
function isNewEvent(outcome: AppendOutcome, key: string): boolean {
  return outcome.ok && outcome.appended.some((event) => event.key === key && event.isNew);
}

/** Counts an appended receipt. A card's flow ends when the card is closed; every other flow ends with its receipt. */
export function countReceipt({ now }: Pick<Lab256Dependencies, "now">, outcome: AppendOutcome, permit: Permit, receipt: Receipt): void {
  if (!isNewEvent(outcome, `receipt.recorded/${receipt.jti}`)) return;
  const { level, approval_ref } = permit.scopes;
  observeReceipt(level, now() - permit.iat);
  if (approval_ref === undefined)
    countFlow(level, receipt.status, receipt.code === undefined ? null : buildDenial(receipt.code, receipt.error));
}

/** Counts a command that was closed without a receipt. */
export function countClosedCommand(outcome: AppendOutcome, permit: Permit, end: FlowEnd): void {
  if (!isNewEvent(outcome, `command.closed/${permit.jti}`) || permit.scopes.approval_ref !== undefined) return;
  countFlow(permit.scopes.level, end.status, end.denial);
}

/**
 * Counts a closed card. Reads the card's level from the ledger without making the caller wait, and counts without a level if that fails.
 */
export function countClosedCard({ db }: Pick<Lab256Dependencies, "db">, outcome: AppendOutcome, card: Card, end: FlowEnd): void {
  if (!isNewEvent(outcome, toCardClosedKey(card.card_id))) return;
  findCardLevel(db, card.tenant_id, card.card_id).then(
    (level) => countFlow(level, end.status, end.denial),
    () => countFlow(null, end.status, end.denial),
  );
}
