import { toCanonicalText } from "../../../domain/bytes/canonical.js";
import type { FlowStatus } from "../../../domain/card/flow-status.js";
import { buildEffect, type Effect, type EntryOf, insertOnce, type Projection, toPostgresText, type Writer } from "./effect.js";

type CardStatement = "card.approved" | "card.rejected" | "card.withdrawn";

const WITHDRAWN = "Withdrawn by its approver.";

/** What was said of each card's plans, and which approvals no longer count. */
export const cardStatementsProjection: Projection = {
  "card.approved": insertStatement,
  "card.rejected": insertStatement,
  "card.withdrawn": (write, entry) => [
    ...(entry.payload.counts ? [voidWithdrawnApprovals(write, entry)] : []),
    insertStatement(write, entry),
  ],
  "card.approvals_voided": (write, { tenant_id, payload }) => {
    const digests = payload.approvals.map((approval) => approval.statement_digest);
    if (digests.length === 0) return [];
    return buildEffect(
      [toStatementsRowKey(payload.card_id)],
      updateCountingApprovals(write, tenant_id, payload.card_id)
        .set({ void_why: toPostgresText(payload.why) })
        .where("statement_digest", "in", digests),
    );
  },
  // The receipt already shows the card's end, so what it means for the approvals is there with it.
  "receipt.recorded": (write, { tenant_id, payload: { receipt, card_id } }) =>
    card_id === null ? [] : voidApprovalsOnFailure(write, tenant_id, card_id, receipt.status, receipt.error),
  "card.closed": (write, { tenant_id, payload: { card_id, status, denial } }) =>
    denial === null ? [] : voidApprovalsOnFailure(write, tenant_id, card_id, status, denial.message),
};

/** Approvals that were complete came to nothing where the act was refused, or failed, after they had been given. */
function voidApprovalsOnFailure(write: Writer, tenantId: string, cardId: string, status: FlowStatus, why: string): readonly Effect[] {
  if (status !== "denied" && status !== "error") return [];
  const void_why = toPostgresText(`The act did not happen: ${why}`);
  return [buildEffect([toStatementsRowKey(cardId)], updateCountingApprovals(write, tenantId, cardId).set({ void_why }))];
}

function insertStatement(write: Writer, { tenant_id, seq, at_ms, payload }: EntryOf<CardStatement>): Effect {
  const { card_id, signed, statement_digest, counts, reasons, approval } = payload;
  const { decision, approver, office_id, plan_digest } = signed.statement;
  return insertOnce(write, "card_statements", toStatementsRowKey(card_id), {
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
    reasons: toCanonicalText(reasons),
    approval: approval === null ? null : toCanonicalText(approval),
    signed: toCanonicalText(signed),
    at_ms,
  });
}

/** A withdrawal ends every earlier approval by that person, through whichever actor it was given (contracts "Plan and statements"). */
function voidWithdrawnApprovals(write: Writer, { tenant_id, payload }: EntryOf<"card.withdrawn">): Effect {
  const { approver } = payload.signed.statement;
  const { ends = [] } = payload;
  const persons = write
    .selectFrom("card_statements as earlier")
    .select("earlier.person_id")
    .where("earlier.tenant_id", "=", tenant_id)
    .where("earlier.card_id", "=", payload.card_id)
    .where("earlier.approver", "=", approver)
    .where("earlier.person_id", "is not", null);
  return buildEffect(
    [toStatementsRowKey(payload.card_id)],
    updateCountingApprovals(write, tenant_id, payload.card_id)
      .set({ void_why: WITHDRAWN })
      .where((row) =>
        row.or([
          row("approver", "=", approver),
          row("person_id", "in", persons),
          // Only the entry knows a person who withdraws through an actor that approved nothing.
          ...(ends.length === 0 ? [] : [row("statement_digest", "in", [...ends])]),
        ]),
      ),
  );
}

function updateCountingApprovals(write: Writer, tenantId: string, cardId: string) {
  return write
    .updateTable("card_statements")
    .where("tenant_id", "=", tenantId)
    .where("card_id", "=", cardId)
    .where("decision", "=", "approve")
    .where("void_why", "is", null);
}

function toStatementsRowKey(cardId: string): string {
  return `card_statements/${cardId}`;
}
