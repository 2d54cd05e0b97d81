import type { Card } from "../../domain/card/card.js";
import { buildDenial } from "../../domain/denial.js";
import type { FlowEnd } from "../../domain/flow/lab256-steps.js";
import type { Permit } from "../../domain/permit/permit.js";
import type { Receipt } from "../../domain/permit/receipt.js";
import { countFlow, observeReceipt } from "../../process/metrics/lab256.js";
import type { AppendOutcome } from "../ledger/append-batch.js";
import { findCardLevel } from "../ledger/queries/card-level.js";
import type { Lab256Dependencies } from "./dependencies.js";

/** Whether the append brought this event; a retry of a step finds it there, and it was counted when it came. */
function isNewEvent(outcome: AppendOutcome, key: string): boolean {
  return outcome.ok && outcome.appended.some((event) => event.key === key && event.isNew);
}

/** A receipt was appended. The flow of a card ends when the card closes, every other one with its receipt. */
export function countReceipt({ now }: Pick<Lab256Dependencies, "now">, outcome: AppendOutcome, permit: Permit, receipt: Receipt): void {
  if (!isNewEvent(outcome, `receipt.recorded/${receipt.jti}`)) return;
  const { level, approval_ref } = permit.scopes;
  observeReceipt(level, now() - permit.iat);
  if (approval_ref === undefined)
    countFlow(level, receipt.status, receipt.code === undefined ? null : buildDenial(receipt.code, receipt.error));
}

/** A command was closed without a receipt. */
export function countClosedCommand(outcome: AppendOutcome, permit: Permit, end: FlowEnd): void {
  if (!isNewEvent(outcome, `command.closed/${permit.jti}`) || permit.scopes.approval_ref !== undefined) return;
  countFlow(permit.scopes.level, end.status, end.denial);
}

/** A card was closed. Its level is the ledger's to say, and nobody waits for it; where it does not, the flow counts without one. */
export function countClosedCard({ db }: Pick<Lab256Dependencies, "db">, outcome: AppendOutcome, card: Card, end: FlowEnd): void {
  if (!isNewEvent(outcome, `card.closed/${card.card_id}`)) return;
  findCardLevel(db, card.tenant_id, card.card_id).then(
    (level) => countFlow(level, end.status, end.denial),
    () => countFlow(null, end.status, end.denial),
  );
}
