import type { Updateable } from "kysely";
import { toCanonicalText } from "../../../domain/bytes/canonical.js";
import type { ProjectionTables } from "../../database/tables/projections.js";
import { buildEffect, type Effect, type EntryOf, insertOnce, type Projection, toPostgresText, type Writer } from "./effect.js";

type EvidenceEvent = "card.approved" | "card.rejected" | "card.withdrawn" | "card.attested";

/** The cards, from proposal to end. */
export const cardsProjection: Projection = {
  "card.opened": (write, { tenant_id, seq, payload }) => {
    const { card, project_id, subject_hash, workflow_id } = payload;
    return insertOnce(write, "cards", `cards/${card.card_id}`, {
      tenant_id,
      card_id: card.card_id,
      seq,
      status: "planning",
      job_id: card.jobId,
      job_type: card.jobType,
      project_id,
      target: card.target,
      office_id: card.office_id,
      author: toCanonicalText(card.author),
      intent: toPostgresText(card.intent),
      break_glass: card.break_glass === undefined ? null : toCanonicalText(card.break_glass),
      context: toCanonicalText(card.context),
      params: toCanonicalText(card.params),
      card: toCanonicalText(card),
      subject_hash,
      run: card.run,
      round: 0,
      requires: "[]",
      missing: "[]",
      reasons: "[]",
      workflow_id,
      opened_at: card.opened_at,
      updated_at: card.opened_at,
    });
  },
  "card.planned": (write, { tenant_id, at_ms, payload }) =>
    updateCard(write, tenant_id, payload.card_id, {
      status: "awaiting_approval",
      level: payload.level,
      round: payload.round,
      plan: toCanonicalText(payload.plan),
      plan_digest: payload.plan_digest,
      requires: toCanonicalText(payload.requires),
      missing: toCanonicalText(payload.missing),
      reasons: toCanonicalText(payload.reasons),
      decide_by: payload.decide_by,
      permit_ttl_ms: payload.permit_ttl_ms,
      void_why: null,
      updated_at: at_ms,
    }),
  "card.approvals_voided": (write, { tenant_id, at_ms, payload }) =>
    updateCard(write, tenant_id, payload.card_id, {
      void_why: toPostgresText(payload.why),
      missing: toCanonicalText(payload.missing),
      updated_at: at_ms,
    }),
  "card.approved": updateMissing,
  "card.rejected": updateMissing,
  "card.withdrawn": updateMissing,
  "card.attested": updateMissing,
  "permit.issued": (write, { tenant_id, at_ms, payload: { permit, card_id } }) =>
    card_id === null
      ? []
      : updateCard(write, tenant_id, card_id, {
          status: "approved",
          jti: permit.jti,
          run_by: permit.exp,
          missing: "[]",
          updated_at: at_ms,
        }),
  "command.issued": (write, { tenant_id, at_ms, payload: { card_id } }) =>
    card_id === null ? [] : updateCard(write, tenant_id, card_id, { status: "running", updated_at: at_ms }),
  "receipt.recorded": (write, { tenant_id, at_ms, payload: { receipt, card_id } }) => {
    if (card_id === null) return [];
    const denial = receipt.code === undefined ? null : toCanonicalText({ code: receipt.code, message: receipt.error });
    return updateCard(write, tenant_id, card_id, { status: receipt.status, denial, updated_at: at_ms, closed_at: at_ms });
  },
  "card.closed": (write, { tenant_id, at_ms, payload }) =>
    updateCard(write, tenant_id, payload.card_id, {
      status: payload.status,
      denial: payload.denial === null ? null : toCanonicalText(payload.denial),
      reasons: toCanonicalText(payload.reasons),
      updated_at: at_ms,
      closed_at: at_ms,
    }),
};

function updateMissing(write: Writer, { tenant_id, at_ms, payload }: EntryOf<EvidenceEvent>): Effect {
  return updateCard(write, tenant_id, payload.card_id, { missing: toCanonicalText(payload.missing), updated_at: at_ms });
}

function updateCard(write: Writer, tenantId: string, cardId: string, columns: Updateable<ProjectionTables["cards"]>): Effect {
  return buildEffect(
    [`cards/${cardId}`],
    write.updateTable("cards").set(columns).where("tenant_id", "=", tenantId).where("card_id", "=", cardId),
  );
}
