import type { Lab256Activities, WebhookRef } from "../../domain/flow/lab256-steps.js";
import type { Lab256Dependencies } from "../acts/dependencies.js";
import { signEvent } from "./cloud-event.js";
import { findNextDelivery, readEntry } from "./deliveries.js";
import { postEvent } from "./post.js";
import { findWebhook, type Webhook } from "./webhooks.js";

/**
 * Finds an enabled receiver as the tenant's charter names it now, so that whoever changes the database sends no event anywhere. The table adds
 * the secret and the position. Source: contracts "Charter".
 */
async function findReceiver({ db, policies }: Lab256Dependencies, ref: WebhookRef): Promise<Webhook | undefined> {
  const row = await findWebhook(db, ref);
  const charter = await policies.charters.readNewest(ref.tenant_id);
  if (!charter.ok) throw new Error(charter.denial.message);
  const named = charter.value.find("webhook", ref.webhook_id);
  if (row === undefined || named === undefined || named.disabled) return undefined;
  const { url, types, retries_ms } = named;
  return { ...row, url, types, retries_ms };
}

/** Finds the next event that a webhook must deliver. */
export async function findNextWebhookEvent(
  deps: Lab256Dependencies,
  ref: Parameters<Lab256Activities["nextWebhookEvent"]>[0],
): ReturnType<Lab256Activities["nextWebhookEvent"]> {
  const webhook = await findReceiver(deps, ref);
  if (webhook === undefined) return { state: "stopped" };
  const seq = await findNextDelivery(deps.db, webhook);
  return seq === undefined ? { state: "idle" } : { state: "event", seq, retries_ms: webhook.retries_ms };
}

/** Makes one attempt to deliver an event to its receiver. */
export async function deliverWebhookEvent(
  deps: Lab256Dependencies,
  { seq, ...ref }: Parameters<Lab256Activities["deliverWebhookEvent"]>[0],
): ReturnType<Lab256Activities["deliverWebhookEvent"]> {
  const webhook = await findReceiver(deps, ref);
  if (webhook === undefined) return { outcome: "stopped" };
  const entry = await readEntry(deps.db, ref.tenant_id, seq);
  const reason = await postEvent(webhook.url, signEvent(entry, webhook, deps.now()), deps.webhookReceivers ?? "public");
  return reason === undefined ? { outcome: "taken" } : { outcome: "refused", reason };
}
