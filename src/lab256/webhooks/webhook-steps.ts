import type { Lab256Activities } from "../../domain/flow/lab256-steps.js";
import type { Lab256Dependencies } from "../acts/dependencies.js";
import { signEvent } from "./cloud-event.js";
import { findNextDelivery, readEntry } from "./deliveries.js";
import { postEvent } from "./post.js";
import { findWebhook } from "./webhooks.js";

/** Finds the next event that a webhook must deliver. */
export async function findNextWebhookEvent(
  deps: Lab256Dependencies,
  ref: Parameters<Lab256Activities["nextWebhookEvent"]>[0],
): ReturnType<Lab256Activities["nextWebhookEvent"]> {
  const webhook = await findWebhook(deps.db, ref);
  if (webhook === undefined || webhook.disabled_at !== null) return { state: "stopped" };
  const seq = await findNextDelivery(deps.db, webhook);
  return seq === undefined ? { state: "idle" } : { state: "event", seq, retries_ms: webhook.retries_ms };
}

/** Makes one attempt to deliver an event to its receiver. */
export async function deliverWebhookEvent(
  deps: Lab256Dependencies,
  { seq, ...ref }: Parameters<Lab256Activities["deliverWebhookEvent"]>[0],
): ReturnType<Lab256Activities["deliverWebhookEvent"]> {
  const webhook = await findWebhook(deps.db, ref);
  if (webhook === undefined || webhook.disabled_at !== null) return { outcome: "stopped" };
  const entry = await readEntry(deps.db, ref.tenant_id, seq);
  const reason = await postEvent(webhook.url, signEvent(entry, webhook, deps.now()), deps.webhookReceivers ?? "public");
  return reason === undefined ? { outcome: "taken" } : { outcome: "refused", reason };
}
