import { toCanonicalText } from "../../../domain/bytes/canonical.js";
import { buildEffect, insertOnce, type Projection, toPostgresText } from "./effect.js";

/** The attestations of each card's plans, and which of them no longer count. */
export const cardAttestationsProjection: Projection = {
  "card.attested": (write, { tenant_id, seq, at_ms, payload }) => {
    const { card_id, round, attestation, attestation_digest, predicate_type, plan_digest, keyid } = payload;
    return insertOnce(write, "card_attestations", toAttestationsRowKey(card_id), {
      ...{ tenant_id, card_id, round, attestation_digest, seq, plan_digest, at_ms },
      predicate_type: toPostgresText(predicate_type),
      keyid: toPostgresText(keyid),
      attestation: toCanonicalText(attestation),
    });
  },
  "card.approvals_voided": (write, { tenant_id, payload: { card_id, plan_digest, why } }) =>
    buildEffect(
      [toAttestationsRowKey(card_id)],
      write
        .updateTable("card_attestations")
        .set({ void_why: toPostgresText(why) })
        .where("tenant_id", "=", tenant_id)
        .where("card_id", "=", card_id)
        .where("plan_digest", "=", plan_digest)
        .where("void_why", "is", null),
    ),
};

function toAttestationsRowKey(cardId: string): string {
  return `card_attestations/${cardId}`;
}
