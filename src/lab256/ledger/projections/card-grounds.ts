import { listPlanGrounds } from "../../../domain/act/plan-grounds.js";
import { buildEffect, insertOnce, type Projection } from "./effect.js";

/** The maximum number of rows in a statement. Postgres takes at most 65,535 parameters. */
const ROWS_MAX = 1_000;

/** What the plans of open cards rest on. */
export const cardGroundsProjection: Projection = {
  "card.planned": (write, { tenant_id, seq, payload: { card_id, round, plan } }) => {
    const rows = listPlanGrounds(plan).map((ground) => ({ tenant_id, card_id, round, seq, ...ground }));
    const chunks = Array.from({ length: Math.ceil(rows.length / ROWS_MAX) }, (_, n) => rows.slice(n * ROWS_MAX, (n + 1) * ROWS_MAX));
    return chunks.map((chunk) => insertOnce(write, "card_grounds", toGroundsRowKey(card_id), chunk));
  },
  "card.closed": (write, { tenant_id, payload: { card_id } }) =>
    buildEffect(
      [toGroundsRowKey(card_id)],
      write.deleteFrom("card_grounds").where("tenant_id", "=", tenant_id).where("card_id", "=", card_id),
    ),
};

function toGroundsRowKey(cardId: string): string {
  return `card_grounds/${cardId}`;
}
