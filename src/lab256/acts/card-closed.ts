import { buildDenial, type Denial, denyWith, wrapDenial } from "../../domain/denial.js";
import type { FlowEnd } from "../../domain/flow/lab256-steps.js";
import type { NewEvent } from "../../domain/ledger/event.js";
import type { AppendConflict } from "../ledger/append-batch.js";
import type { CommandIdentity } from "../ledger/command-conflict.js";
import { denyOutdated } from "./outdated-plans.js";

/** The key of the event that ends a card for good. */
export function toCardClosedKey(cardId: string): string {
  return `card.closed/${cardId}`;
}

export function buildCardClosed(card_id: string, { status, denial, reasons = [] }: FlowEnd): NewEvent {
  return { type: "card.closed", key: toCardClosedKey(card_id), payload: { card_id, status, denial, reasons } };
}

/** Explains why the ledger did not take the events. */
export function denyConflict(conflict: AppendConflict) {
  if (conflict.column === "end" && conflict.key.startsWith("card.approvals_voided/"))
    return denyOutdated(`The approvals of the plan are void: the ledger has ${conflict.key}.`);
  if (conflict.column === "end") return denyWith("closed", `The ledger has its end: ${conflict.key}. Open a new card.`);
  const { column, jti, job_id, card_id } = conflict;
  if (column === "jti") return denyWith("permit_used", `The permit has been used by job ${job_id}.`);
  return wrapDenial(buildJobIdTaken(job_id, { jti, card_id }));
}

export function buildJobIdTaken(jobId: string, { jti, card_id }: Pick<CommandIdentity, "jti" | "card_id">): Denial {
  const owner = jti === null ? `the card ${card_id}` : `the act ${jti}`;
  return buildDenial("job_id_taken", `jobId ${jobId} is taken by ${owner}; choose another.`);
}
