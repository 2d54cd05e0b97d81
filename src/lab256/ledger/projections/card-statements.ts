import type { FlowStatus } from "../../../domain/card/flow-status.js";
import { type Effect, type EntryOf, effect, json, type Projection, text, type Writer } from "./effect.js";

type CardStatement = "card.approved" | "card.rejected" | "card.withdrawn";

const WITHDRAWN = "Withdrawn by its approver.";

/** What was said of each card's plans, and which approvals no longer count. */
export const cardStatementsProjection: Projection = {
  "card.approved": said,
  "card.rejected": said,
  "card.withdrawn": (write, entry) => [...(entry.payload.counts ? [withdrawn(write, entry)] : []), said(write, entry)],
  "card.approvals_voided": (write, { tenant_id, payload }) => {
    const digests = payload.approvals.map((approval) => approval.statement_digest);
    if (digests.length === 0) return [];
    return effect(
      [statementsOf(payload.card_id)],
      approvals(write, tenant_id, payload.card_id)
        .set({ void_why: text(payload.why) })
        .where("statement_digest", "in", digests),
    );
  },
  // The receipt already shows the card's end, so what it means for the approvals is there with it.
  "receipt.recorded": (write, { tenant_id, payload: { receipt, card_id } }) =>
    card_id === null ? [] : notDone(write, tenant_id, card_id, receipt.status, receipt.error),
  "card.closed": (write, { tenant_id, payload: { card_id, status, denial } }) =>
    denial === null ? [] : notDone(write, tenant_id, card_id, status, denial.message),
};

/** Approvals that were complete came to nothing where the act was refused, or failed, after they had been given. */
function notDone(write: Writer, tenantId: string, cardId: string, status: FlowStatus, why: string): readonly Effect[] {
  if (status !== "denied" && status !== "error") return [];
  const void_why = text(`The act did not happen: ${why}`);
  return [effect([statementsOf(cardId)], approvals(write, tenantId, cardId).set({ void_why }))];
}

function said(write: Writer, { tenant_id, seq, at_ms, payload }: EntryOf<CardStatement>): Effect {
  const { card_id, signed, statement_digest, counts, reasons, approval } = payload;
  const { decision, approver, office_id, plan_digest } = signed.statement;
  return effect(
    [statementsOf(card_id)],
    write
      .insertInto("card_statements")
      .values({
        tenant_id,
        card_id,
        statement_digest,
        seq,
        decision,
        approver,
        office_id,
        person_id: approval?.person_id ?? null,
        plan_digest,
        counts,
        reasons: json(reasons),
        approval: approval === null ? null : json(approval),
        signed: json(signed),
        void_why: null,
        at_ms,
      })
      .onConflict((conflict) => conflict.doNothing()),
  );
}

/** A withdrawal ends every earlier approval by that person, through whichever actor it was given (contracts "Plan and statements"). */
function withdrawn(write: Writer, { tenant_id, payload }: EntryOf<"card.withdrawn">): Effect {
  const { approver } = payload.signed.statement;
  const { ends = [] } = payload;
  const persons = write
    .selectFrom("card_statements as earlier")
    .select("earlier.person_id")
    .where("earlier.tenant_id", "=", tenant_id)
    .where("earlier.card_id", "=", payload.card_id)
    .where("earlier.approver", "=", approver)
    .where("earlier.person_id", "is not", null);
  return effect(
    [statementsOf(payload.card_id)],
    approvals(write, tenant_id, payload.card_id)
      .set({ void_why: WITHDRAWN })
      .where((row) =>
        row.or([
          row("approver", "=", approver),
          row("person_id", "in", persons),
          // Who withdraws through an actor that approved nothing is known to the entry alone.
          ...(ends.length === 0 ? [] : [row("statement_digest", "in", [...ends])]),
        ]),
      ),
  );
}

function approvals(write: Writer, tenantId: string, cardId: string) {
  return write
    .updateTable("card_statements")
    .where("tenant_id", "=", tenantId)
    .where("card_id", "=", cardId)
    .where("decision", "=", "approve")
    .where("void_why", "is", null);
}

function statementsOf(cardId: string): string {
  return `card_statements/${cardId}`;
}
