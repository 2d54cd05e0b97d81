import { sql } from "kysely";
import type { WebhookRef } from "../../domain/flow/lab256-steps.js";
import { type LedgerEntry, toRegistryContainer } from "../../domain/ledger/event.js";
import type { Db, Trx } from "../database/database.js";
import { readChainHead } from "../ledger/chain.js";
import { toLedgerEntry } from "../ledger/read-entries.js";
import type { Webhook } from "./webhooks.js";

/** Finds the next entry to deliver: a dead letter that is to be replayed, otherwise the oldest matching entry. */
export async function findNextDelivery(db: Db, webhook: Webhook): Promise<number | undefined> {
  const { tenant_id, webhook_id, types, delivered_seq } = webhook;
  const replayed = await db
    .selectFrom("webhook_dead_letters")
    .select("seq")
    .where("tenant_id", "=", tenant_id)
    .where("webhook_id", "=", webhook_id)
    .where("replay", "=", true)
    .orderBy("seq")
    .limit(1)
    .executeTakeFirst();
  if (replayed !== undefined) return replayed.seq;
  // Read the head first, so that entries appended meanwhile are left to the next search.
  const { seq: head } = await readChainHead(db, toRegistryContainer(tenant_id));
  let entries = db
    .selectFrom("ledger_entries")
    .select("seq")
    .where("container", "=", toRegistryContainer(tenant_id))
    .where("seq", ">", delivered_seq);
  if (types !== null) entries = entries.where("type", "in", types);
  const next = await entries.orderBy("seq").limit(1).executeTakeFirst();
  // Advance past entries that no filter matches, so that they are not read again.
  if (next === undefined && head > delivered_seq) await advanceDeliveredSeq(db, webhook, head);
  return next?.seq;
}

async function advanceDeliveredSeq(db: Db | Trx, { tenant_id, webhook_id }: WebhookRef, seq: number): Promise<void> {
  await db
    .updateTable("webhooks")
    .set({ delivered_seq: sql<number>`greatest(delivered_seq, ${seq})` })
    .where("tenant_id", "=", tenant_id)
    .where("webhook_id", "=", webhook_id)
    .execute();
}

export async function readEntry(db: Db, tenantId: string, seq: number): Promise<LedgerEntry> {
  const row = await db
    .selectFrom("ledger_entries")
    .select(["container", "seq", "tenant_id", "type", "key", "at_ms", "prev_hash", "hash", sql<string>`payload::text`.as("payloadText")])
    .where("container", "=", toRegistryContainer(tenantId))
    .where("seq", "=", seq)
    .executeTakeFirst();
  if (row === undefined) throw new Error(`Entry ${seq} of ${tenantId}'s ledger is missing; restore the database from a backup.`);
  return toLedgerEntry(row);
}

/** Records an entry as delivered, or as a dead letter with a reason. Repeating it changes nothing. */
export async function settleDelivery(db: Db, ref: WebhookRef, seq: number, dead: { reason: string; at_ms: number } | null): Promise<void> {
  const { tenant_id, webhook_id } = ref;
  await db.transaction().execute(async (trx) => {
    await advanceDeliveredSeq(trx, ref, seq);
    if (dead === null)
      await trx
        .deleteFrom("webhook_dead_letters")
        .where("tenant_id", "=", tenant_id)
        .where("webhook_id", "=", webhook_id)
        .where("seq", "=", seq)
        .execute();
    else
      await trx
        .insertInto("webhook_dead_letters")
        .values({ ...ref, seq, replay: false, ...dead })
        .onConflict((conflict) => conflict.columns(["tenant_id", "webhook_id", "seq"]).doUpdateSet({ replay: false, ...dead }))
        .execute();
  });
}
