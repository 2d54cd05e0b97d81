import type { Updateable } from "kysely";
import type { ProjectionTables } from "../../database/tables/projections.js";
import { type Effect, type EntryOf, effect, json, type Projection, text, type Writer } from "./effect.js";

type Said = "card.approved" | "card.rejected" | "card.withdrawn" | "card.attested";

/** A card from its proposal to its end. */
export const cardsProjection: Projection = {
  "card.opened": (write, { tenant_id, seq, payload }) => {
    const { card, project_id, subject_hash, workflow_id } = payload;
    return effect(
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
          author: json(card.author),
          intent: text(card.intent),
          context: json(card.context),
          params: json(card.params),
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
    changed(write, tenant_id, payload.card_id, {
      status: "awaiting_approval",
      level: payload.level,
      round: payload.round,
      plan: json(payload.plan),
      plan_digest: payload.plan_digest,
      requires: json(payload.requires),
      missing: json(payload.missing),
      reasons: json(payload.reasons),
      decide_by: payload.decide_by,
      permit_ttl_ms: payload.permit_ttl_ms,
      updated_at: at_ms,
    }),
  "card.approved": stated,
  "card.rejected": stated,
  "card.withdrawn": stated,
  "card.attested": stated,
  "permit.issued": (write, { tenant_id, at_ms, payload: { permit, card_id } }) =>
    card_id === null
      ? []
      : changed(write, tenant_id, card_id, { status: "approved", jti: permit.jti, run_by: permit.exp, missing: "[]", updated_at: at_ms }),
  "command.issued": (write, { tenant_id, at_ms, payload: { card_id } }) =>
    card_id === null ? [] : changed(write, tenant_id, card_id, { status: "running", updated_at: at_ms }),
  "receipt.recorded": (write, { tenant_id, at_ms, payload: { receipt, card_id } }) => {
    if (card_id === null) return [];
    const denial = receipt.code === undefined ? null : json({ code: receipt.code, message: receipt.error });
    return changed(write, tenant_id, card_id, { status: receipt.status, denial, updated_at: at_ms, closed_at: at_ms });
  },
  "card.closed": (write, { tenant_id, at_ms, payload }) =>
    changed(write, tenant_id, payload.card_id, {
      status: payload.status,
      denial: payload.denial === null ? null : json(payload.denial),
      reasons: json(payload.reasons),
      updated_at: at_ms,
      closed_at: at_ms,
    }),
};

function stated(write: Writer, { tenant_id, at_ms, payload }: EntryOf<Said>): Effect {
  return changed(write, tenant_id, payload.card_id, { missing: json(payload.missing), updated_at: at_ms });
}

function changed(write: Writer, tenantId: string, cardId: string, columns: Updateable<ProjectionTables["cards"]>): Effect {
  return effect(
    [`cards/${cardId}`],
    write.updateTable("cards").set(columns).where("tenant_id", "=", tenantId).where("card_id", "=", cardId),
  );
}
