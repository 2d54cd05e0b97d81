import { randomBytes, randomUUID } from "node:crypto";
import type { Selectable } from "kysely";
import type { CharterEntry } from "../../domain/charter/entry.js";
import type { CharterState } from "../../domain/charter/state.js";
import type { WebhookRef } from "../../domain/flow/lab256-steps.js";
import { type NewEvent, toRegistryContainer } from "../../domain/ledger/event.js";
import { countAppendedEvents } from "../../process/metrics/ledger.js";
import type { Db } from "../database/database.js";
import type { WebhookTables } from "../database/tables/webhooks.js";
import { appendBatch } from "../ledger/append-batch.js";
import { readChainHead } from "../ledger/chain.js";

export type Webhook = Readonly<Selectable<WebhookTables["webhooks"]>>;
export type DeadLetter = Readonly<Selectable<WebhookTables["webhook_dead_letters"]>>;

const SECRET_BYTES = 32;

/**
 * Writes the receivers that these entries changed, as `state`, the charter's state after them, says. A new one starts after the newest entry of
 * the ledger, with a secret that nobody has seen. Must be called in the transaction that records the entries. Source: contracts "Charter".
 */
export async function projectWebhooks(
  db: Db,
  tenantId: string,
  entries: readonly CharterEntry[],
  state: CharterState,
  nowMs: number,
): Promise<readonly string[]> {
  const changed = new Set(
    entries.flatMap(({ change }) => (change.jobType === "registry.webhooks.change" ? Object.keys(change.params.webhooks) : [])),
  );
  if (changed.size === 0) return [];
  const { seq } = await readChainHead(db, toRegistryContainer(tenantId));
  for (const webhook_id of changed) {
    const record = state.find("webhook", webhook_id);
    if (record === undefined) continue;
    const { url, types, retries_ms, disabled } = record;
    const written = { url, types, retries_ms, disabled_at: disabled ? nowMs : null };
    await db
      .insertInto("webhooks")
      .values({ tenant_id: tenantId, webhook_id, ...written, secret: createSecret(), delivered_seq: seq, created_at: nowMs })
      .onConflict((conflict) => conflict.columns(["tenant_id", "webhook_id"]).doUpdateSet(written))
      .execute();
  }
  return [...changed];
}

/** Gives a webhook a new secret, with an event that says who asked for it, and returns the secret. */
export async function renewSecret(db: Db, { tenant_id, webhook_id }: WebhookRef, actor_id: string, nowMs: number): Promise<string> {
  const key = `webhook.secret_renewed/${webhook_id}/${randomUUID()}`;
  const events: NewEvent[] = [{ type: "webhook.secret_renewed", key, payload: { webhook_id, actor_id } }];
  const secret = createSecret();
  const outcome = await db.transaction().execute(async (trx) => {
    const [appended] = await appendBatch(trx, tenant_id, [{ events, atMs: nowMs }]);
    await trx
      .updateTable("webhooks")
      .set({ secret })
      .where("tenant_id", "=", tenant_id)
      .where("webhook_id", "=", webhook_id)
      .executeTakeFirstOrThrow();
    return appended;
  });
  if (outcome?.ok) countAppendedEvents(events, outcome);
  return secret;
}

function createSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString("base64")}`;
}

export async function findWebhook(db: Db, { tenant_id, webhook_id }: WebhookRef): Promise<Webhook | undefined> {
  return db.selectFrom("webhooks").selectAll().where("tenant_id", "=", tenant_id).where("webhook_id", "=", webhook_id).executeTakeFirst();
}

/** Lists a tenant's webhooks by id. */
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
