import type { Lab256Activities } from "../../domain/flow/lab256-steps.js";
import type { Lab256Dependencies } from "../acts/dependencies.js";
import { signEvent } from "./cloud-event.js";
import { findNextDelivery, readEntry, settleDelivery } from "./deliveries.js";
import { postEvent } from "./post.js";
import { findWebhook, listEnabledWebhooks } from "./webhooks.js";

export function createWebhookActivities(
  deps: Lab256Dependencies,
): Pick<Lab256Activities, "enabledWebhooks" | "nextWebhookEvent" | "deliverWebhookEvent" | "settleWebhookEvent"> {
  return {
    enabledWebhooks: () => listEnabledWebhooks(deps.db),
    async nextWebhookEvent(ref) {
      const webhook = await findWebhook(deps.db, ref);
      if (webhook === undefined || webhook.disabled_at !== null) return { state: "stopped" };
      const seq = await findNextDelivery(deps.db, webhook);
      return seq === undefined ? { state: "idle" } : { state: "event", seq, retries_ms: webhook.retries_ms };
    },
    async deliverWebhookEvent({ seq, ...ref }) {
      const webhook = await findWebhook(deps.db, ref);
      if (webhook === undefined || webhook.disabled_at !== null) return { outcome: "stopped" };
      const entry = await readEntry(deps.db, ref.tenant_id, seq);
      const reason = await postEvent(webhook.url, signEvent(entry, webhook, deps.now()), deps.webhookReceivers ?? "public");
      return reason === undefined ? { outcome: "taken" } : { outcome: "refused", reason };
    },
    settleWebhookEvent: ({ seq, dead, ...ref }) =>
      settleDelivery(deps.db, ref, seq, dead === null ? null : { reason: dead, at_ms: deps.now() }),
  };
}
