import { randomBytes } from "node:crypto";
import { type Selectable, sql } from "kysely";
import type { WebhookRef } from "../../domain/flow/lab256-steps.js";
import { toRegistryContainer } from "../../domain/ledger/event.js";
import { WEBHOOK_RETRIES_MS, WEBHOOKS_MAX_COUNT, type WebhookDeclaration } from "../../domain/ledger/webhook.js";
import type { Db } from "../database/database.js";
import type { WebhookTables } from "../database/tables/webhooks.js";
import { readChainHead } from "../ledger/chain.js";

export type Webhook = Readonly<Selectable<WebhookTables["webhooks"]>>;
export type DeadLetter = Readonly<Selectable<WebhookTables["webhook_dead_letters"]>>;

const SECRET_BYTES = 32;

/**
 * Declares a webhook. A new one starts after the newest entry of the ledger. Declaring it again changes its URL, types and retries, and
 * enables it. `hasNewSecret` tells whether the secret is new. Returns undefined if the tenant already has WEBHOOKS_MAX_COUNT webhooks.
 */
export async function declareWebhook(
  db: Db,
  ref: WebhookRef,
  { url, types, retries_ms = [...WEBHOOK_RETRIES_MS], rotate_secret = false }: WebhookDeclaration,
  by: { readonly actor_id: string; readonly atMs: number },
): Promise<{ webhook: Webhook; hasNewSecret: boolean } | undefined> {
  const known = await listWebhooks(db, ref.tenant_id);
  if (known.length >= WEBHOOKS_MAX_COUNT && !known.some(({ webhook_id }) => webhook_id === ref.webhook_id)) return undefined;
  const { seq } = await readChainHead(db, toRegistryContainer(ref.tenant_id));
  const wanted = { url, types: types ?? null, retries_ms, disabled_at: null };
  const secret = `whsec_${randomBytes(SECRET_BYTES).toString("base64")}`;
  const webhook = await db
    .insertInto("webhooks")
    .values({ ...ref, ...wanted, secret, delivered_seq: seq, created_by: by.actor_id, created_at: by.atMs })
    .onConflict((conflict) =>
      conflict.columns(["tenant_id", "webhook_id"]).doUpdateSet({ ...wanted, ...(rotate_secret ? { secret } : {}) }),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
  return { webhook, hasNewSecret: webhook.secret === secret };
}

export async function findWebhook(db: Db, { tenant_id, webhook_id }: WebhookRef): Promise<Webhook | undefined> {
  return db.selectFrom("webhooks").selectAll().where("tenant_id", "=", tenant_id).where("webhook_id", "=", webhook_id).executeTakeFirst();
}

/** Lists a tenant's webhooks by id, at most WEBHOOKS_MAX_COUNT. */
export async function listWebhooks(db: Db, tenantId: string): Promise<Webhook[]> {
  return db.selectFrom("webhooks").selectAll().where("tenant_id", "=", tenantId).orderBy("webhook_id").execute();
}

export async function listEnabledWebhooks(db: Db): Promise<WebhookRef[]> {
  return db
    .selectFrom("webhooks")
    .select(["tenant_id", "webhook_id"])
    .where("disabled_at", "is", null)
    .orderBy("tenant_id")
    .orderBy("webhook_id")
    .execute();
}

/** Disables a webhook and keeps its dead letters. Returns false if it does not exist. */
export async function disableWebhook(db: Db, { tenant_id, webhook_id }: WebhookRef, atMs: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("webhooks")
    .set({ disabled_at: sql<number>`coalesce(disabled_at, ${atMs})` })
    .where("tenant_id", "=", tenant_id)
    .where("webhook_id", "=", webhook_id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function listDeadLetters(db: Db, { tenant_id, webhook_id }: WebhookRef, limit: number): Promise<DeadLetter[]> {
  return db
    .selectFrom("webhook_dead_letters")
    .selectAll()
    .where("tenant_id", "=", tenant_id)
    .where("webhook_id", "=", webhook_id)
    .orderBy("seq")
    .limit(limit)
    .execute();
}

/** Requests new attempts for these dead letters, or for all of them if `seqs` is undefined. Returns their number. */
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
