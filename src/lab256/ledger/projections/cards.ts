import type { Updateable } from "kysely";
import type { ProjectionTables } from "../../database/tables/projections.js";
import { buildEffect, type Effect, type EntryOf, type Projection, toJsonText, toPostgresText, type Writer } from "./effect.js";

type EvidenceEvent = "card.approved" | "card.rejected" | "card.withdrawn" | "card.attested";

/** A card from its proposal to its end. */
export const cardsProjection: Projection = {
  "card.opened": (write, { tenant_id, seq, payload }) => {
    const { card, project_id, subject_hash, workflow_id } = payload;
    return buildEffect(
      [`cards/${card.card_id}`],
      write
        .insertInto("cards")
        .values({
          tenant_id,
          card_id: card.card_id,
          seq,
          status: "planning",
          level: null,
          job_id: card.jobId,
          job_type: card.jobType,
          project_id,
          target: card.target,
          office_id: card.office_id,
          author: toJsonText(card.author),
          intent: toPostgresText(card.intent),
          context: toJsonText(card.context),
          params: toJsonText(card.params),
          subject_hash,
          run: card.run,
          round: 0,
          plan: null,
          plan_digest: null,
          requires: "[]",
          missing: "[]",
          reasons: "[]",
          decide_by: null,
          permit_ttl_ms: null,
          run_by: null,
          jti: null,
          denial: null,
          workflow_id,
          opened_at: card.opened_at,
          updated_at: card.opened_at,
          closed_at: null,
        })
        .onConflict((conflict) => conflict.doNothing()),
    );
  },
  "card.planned": (write, { tenant_id, at_ms, payload }) =>
    updateCard(write, tenant_id, payload.card_id, {
      status: "awaiting_approval",
      level: payload.level,
      round: payload.round,
      plan: toJsonText(payload.plan),
      plan_digest: payload.plan_digest,
      requires: toJsonText(payload.requires),
      missing: toJsonText(payload.missing),
      reasons: toJsonText(payload.reasons),
      decide_by: payload.decide_by,
      permit_ttl_ms: payload.permit_ttl_ms,
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
    const denial = receipt.code === undefined ? null : toJsonText({ code: receipt.code, message: receipt.error });
    return updateCard(write, tenant_id, card_id, { status: receipt.status, denial, updated_at: at_ms, closed_at: at_ms });
  },
  "card.closed": (write, { tenant_id, at_ms, payload }) =>
    updateCard(write, tenant_id, payload.card_id, {
      status: payload.status,
      denial: payload.denial === null ? null : toJsonText(payload.denial),
      reasons: toJsonText(payload.reasons),
      updated_at: at_ms,
      closed_at: at_ms,
    }),
};

function updateMissing(write: Writer, { tenant_id, at_ms, payload }: EntryOf<EvidenceEvent>): Effect {
  return updateCard(write, tenant_id, payload.card_id, { missing: toJsonText(payload.missing), updated_at: at_ms });
}

function updateCard(write: Writer, tenantId: string, cardId: string, columns: Updateable<ProjectionTables["cards"]>): Effect {
  return buildEffect(
    [`cards/${cardId}`],
    write.updateTable("cards").set(columns).where("tenant_id", "=", tenantId).where("card_id", "=", cardId),
  );
}
