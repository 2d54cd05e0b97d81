import { toCanonicalText } from "../../../domain/bytes/canonical.js";
import type { FlowStatus } from "../../../domain/card/flow-status.js";
import { buildEffect, type Effect, type EntryOf, insertOnce, type Projection, toPostgresText, type Writer } from "./effect.js";

type CardStatement = "card.approved" | "card.rejected" | "card.withdrawn";

const WITHDRAWN = "Withdrawn by its approver.";
const REJECTED = "Its approver rejected the plan later.";

/** The statements on each card's plans, and which approvals no longer count. */
export const cardStatementsProjection: Projection = {
  "card.approved": insertStatement,
  "card.rejected": (write, entry) => [...voidRejectedApprovals(write, entry), insertStatement(write, entry)],
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
  // The receipt ends the act, so it also decides whether the approvals still count.
  "receipt.recorded": (write, { tenant_id, payload: { receipt, card_id } }) =>
    card_id === null ? [] : voidApprovalsOnFailure(write, tenant_id, card_id, receipt.status, receipt.error),
  "card.closed": (write, { tenant_id, payload: { card_id, status, denial } }) =>
    denial === null ? [] : voidApprovalsOnFailure(write, tenant_id, card_id, status, denial.message),
};

/** Complete approvals no longer count if the act was refused or failed after they were given. */
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

/** A withdrawal ends every earlier approval by that person, whichever actor gave it (contracts "Plan and statements"). */
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
          // If the withdrawing actor approved nothing itself, only the entry identifies the person's approvals.
          ...(ends.length === 0 ? [] : [row("statement_digest", "in", [...ends])]),
        ]),
      ),
  );
}

/** Who rejects a plan does not approve it any more. */
function voidRejectedApprovals(write: Writer, { tenant_id, payload: { card_id, ends = [] } }: EntryOf<"card.rejected">): readonly Effect[] {
  if (ends.length === 0) return [];
  const earlier = updateCountingApprovals(write, tenant_id, card_id).where("statement_digest", "in", [...ends]);
  return [buildEffect([toStatementsRowKey(card_id)], earlier.set({ void_why: REJECTED }))];
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
