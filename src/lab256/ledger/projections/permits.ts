import { toCanonicalText } from "../../../domain/bytes/canonical.js";
import type { PermitStatus } from "../../database/tables/projections.js";
import { buildEffect, type EntryOf, insertOnce, type Projection, toPostgresText, type Writer } from "./effect.js";

type PermitEnd = "permit.revoked" | "permit.expired" | "permit.refused";

/** The permits, and whether each can still be used. */
export const permitsProjection: Projection = {
  "permit.issued": (write, { tenant_id, seq, at_ms, payload: { permit, card_id, actor_id, intent } }) =>
    insertOnce(write, "permits", `permits/${permit.jti}`, {
      tenant_id,
      jti: permit.jti,
      seq,
      card_id,
      actor_id,
      intent: toPostgresText(intent),
      subject_hash: permit.scopes.subject_hash,
      permit: toCanonicalText(permit),
      status: "issued",
      issued_at: at_ms,
      exp: permit.exp,
    }),
  "command.issued": (write, { tenant_id, payload: { envelope } }) => markPermitUsed(write, tenant_id, envelope.jti),
  // The command that used it has no flow, so the sweep looks for the receipt, as for every permit without a known command.
  "command.closed": (write, { tenant_id, payload: { jti, denial } }) =>
    denial.code === "permit_used" ? markPermitUnused(write, tenant_id, jti) : [],
  // An act that reached the Runner without a flow has a receipt and no command.
  "receipt.recorded": (write, { tenant_id, payload: { receipt } }) => markPermitUsed(write, tenant_id, receipt.jti),
  "permit.revoked": (write, entry) => markPermitEnded(write, entry, "revoked"),
  "permit.expired": (write, entry) => markPermitEnded(write, entry, "expired"),
  "permit.refused": (write, entry) => markPermitEnded(write, entry, "refused"),
};

function markPermitUsed(write: Writer, tenantId: string, jti: string) {
  return updatePermitStatus(write, tenantId, jti, "issued", "used");
}

function markPermitUnused(write: Writer, tenantId: string, jti: string) {
  return updatePermitStatus(write, tenantId, jti, "used", "issued");
}

function updatePermitStatus(write: Writer, tenantId: string, jti: string, from: PermitStatus, to: PermitStatus) {
  return buildEffect(
    [`permits/${jti}`],
    write.updateTable("permits").set({ status: to }).where("tenant_id", "=", tenantId).where("jti", "=", jti).where("status", "=", from),
  );
}

/** An end won the permit's claim, so it holds even if a command had been issued. */
function markPermitEnded(write: Writer, { tenant_id, at_ms, payload }: EntryOf<PermitEnd>, status: PermitStatus) {
  return buildEffect(
    [`permits/${payload.jti}`],
    write
      .updateTable("permits")
      .set({ status, ended_at: at_ms, end_reason: toPostgresText(payload.reason), ended_by: payload.by })
      .where("tenant_id", "=", tenant_id)
      .where("jti", "=", payload.jti),
  );
}
