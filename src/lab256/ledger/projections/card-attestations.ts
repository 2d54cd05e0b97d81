import { buildEffect, type Projection, toJsonText, toPostgresText } from "./effect.js";

/** What was attested of each card's plans, and which attestations no longer count. */
export const cardAttestationsProjection: Projection = {
  "card.attested": (write, { tenant_id, seq, at_ms, payload }) => {
    const { card_id, round, attestation, attestation_digest, predicate_type, plan_digest, keyid } = payload;
    return buildEffect(
      [toAttestationsRowKey(card_id)],
      write
        .insertInto("card_attestations")
        .values({
          ...{ tenant_id, card_id, round, attestation_digest, seq },
          ...{
            predicate_type: toPostgresText(predicate_type),
            plan_digest,
            keyid: toPostgresText(keyid),
            attestation: toJsonText(attestation),
            void_why: null,
            at_ms,
          },
        })
        .onConflict((conflict) => conflict.doNothing()),
    );
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
