import { randomBytes } from "node:crypto";
import { type Selectable, sql } from "kysely";
import type { Db } from "../database/database.js";
import { registryContainer } from "../domain/event.js";
import { WEBHOOK_RETRIES_MS, type WebhookDeclaration } from "../domain/webhook.js";
import { headOf } from "../ledger/chain.js";
import type { WebhookTables } from "./tables.js";

export type Webhook = Readonly<Selectable<WebhookTables["webhooks"]>>;
export type DeadLetter = Readonly<Selectable<WebhookTables["webhook_dead_letters"]>>;

export interface WebhookRef {
  readonly tenant_id: string;
  readonly webhook_id: string;
}

const SECRET_BYTES = 32;

/**
 * Declares a webhook; a new one begins after the newest entry of the ledger. Declaring it again changes its address, types and retries,
 * and enables it; `is_new` says whether its secret was made now.
 */
export async function declareWebhook(
  db: Db,
  ref: WebhookRef,
  { url, types = undefined, retries_ms = [...WEBHOOK_RETRIES_MS] }: WebhookDeclaration,
  by: { readonly actor_id: string; readonly at_ms: number },
): Promise<{ webhook: Webhook; is_new: boolean }> {
  const { seq } = await headOf(db, registryContainer(ref.tenant_id));
  const wanted = { url, types: types ?? null, retries_ms, disabled_at: null };
  const secret = `whsec_${randomBytes(SECRET_BYTES).toString("base64")}`;
  const webhook = await db
    .insertInto("webhooks")
    .values({ ...ref, ...wanted, secret, delivered_seq: seq, created_by: by.actor_id, created_at: by.at_ms })
    .onConflict((conflict) => conflict.columns(["tenant_id", "webhook_id"]).doUpdateSet(wanted))
    .returningAll()
    .executeTakeFirstOrThrow();
  return { webhook, is_new: webhook.secret === secret };
}

export async function findWebhook(db: Db, { tenant_id, webhook_id }: WebhookRef): Promise<Webhook | undefined> {
  return db.selectFrom("webhooks").selectAll().where("tenant_id", "=", tenant_id).where("webhook_id", "=", webhook_id).executeTakeFirst();
}

export async function listWebhooks(db: Db, tenantId: string, limit: number): Promise<Webhook[]> {
  return db.selectFrom("webhooks").selectAll().where("tenant_id", "=", tenantId).orderBy("webhook_id").limit(limit).execute();
}

/** Stops a webhook; `false` when there is none. Its dead letters stay. */
export async function disableWebhook(db: Db, { tenant_id, webhook_id }: WebhookRef, atMs: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("webhooks")
    .set({ disabled_at: sql<number>`coalesce(disabled_at, ${atMs})` })
    .where("tenant_id", "=", tenant_id)
    .where("webhook_id", "=", webhook_id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function deadLetters(db: Db, { tenant_id, webhook_id }: WebhookRef, limit: number): Promise<DeadLetter[]> {
  return db
    .selectFrom("webhook_dead_letters")
    .selectAll()
    .where("tenant_id", "=", tenant_id)
    .where("webhook_id", "=", webhook_id)
    .orderBy("seq")
    .limit(limit)
    .execute();
}

/** Asks for another round of attempts for these dead letters, or for all; answers how many there are. */
export async function replayDeadLetters(
  db: Db,
  { tenant_id, webhook_id }: WebhookRef,
  seqs: readonly number[] | undefined,
): Promise<number> {
  let update = db
    .updateTable("webhook_dead_letters")
    .set({ replay: true })
    .where("tenant_id", "=", tenant_id)
    .where("webhook_id", "=", webhook_id);
  if (seqs !== undefined) update = update.where("seq", "in", [...seqs]);
  const { numUpdatedRows } = await update.executeTakeFirst();
  return Number(numUpdatedRows);
}
