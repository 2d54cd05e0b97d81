import { condition, continueAsNew, defineSignal, setCurrentDetails, setHandler, workflowInfo } from "@temporalio/workflow";
import { toWebhookWorkflowId } from "../domain/act/workflow-id.js";
import type { WebhookRef } from "../domain/flow/lab256-steps.js";
import { toShownLine } from "../domain/shown-text.js";
import { proxyLab256 } from "./activities.js";
import { toSearchAttributes } from "./search-attributes.js";

/** Makes the flow look for events at once. Otherwise it looks every few seconds. */
export const webhookWokenSignal = defineSignal<[]>("webhook_woken");

/** Builds the options of a webhook's flow, by whichever process it is started. */
export function buildDeliveryOptions(ref: WebhookRef) {
  const { tenant_id, webhook_id } = ref;
  return {
    workflowId: toWebhookWorkflowId(tenant_id, webhook_id),
    args: [ref] as [WebhookRef],
    typedSearchAttributes: toSearchAttributes({ tenant: tenant_id }),
    staticSummary: `Delivers the events of ${tenant_id} to ${webhook_id}`,
    priority: { fairnessKey: tenant_id },
  };
}

const POLL_INTERVAL = "5s";
/** Each iteration adds a few events. The server suggests a new run when a history grows long; this limits a run in case it does not. */
const ITERATIONS_MAX = 1_000;

/** A receiver can take seconds to respond. Its response is a value; only faults are retried. */
const events = proxyLab256("20s");

/**
 * Delivers the events of a tenant's ledger to one receiver, in order and at least once, while the webhook is enabled. An event that fails
 * its last retry becomes a dead letter. Source: Standard Webhooks "Retries".
 */
export async function webhookDelivery(ref: WebhookRef): Promise<void> {
  let woken = false;
  setHandler(webhookWokenSignal, () => {
    woken = true;
  });
  for (let iterations = 0; iterations < ITERATIONS_MAX && !workflowInfo().continueAsNewSuggested; iterations += 1) {
    woken = false;
    const next = await events.nextWebhookEvent(ref);
    if (next.state === "stopped") return;
    if (next.state === "event") await deliverEvent(ref, next, () => woken);
    else await condition(() => woken, POLL_INTERVAL, { summary: "Waits for the next event" });
  }
  await continueAsNew<typeof webhookDelivery>(ref);
}

/** Returns when the event is settled or the flow is woken, because the webhook's address or retries may have changed. */
async function deliverEvent(
  ref: WebhookRef,
  { seq, retries_ms }: { readonly seq: number; readonly retries_ms: readonly number[] },
  isWoken: () => boolean,
): Promise<void> {
  for (let retries = 0; ; retries += 1) {
    const { outcome, reason } = await events.deliverWebhookEvent({ ...ref, seq });
    if (outcome === "stopped") return;
    const pauseMs = retries_ms[retries];
    if (outcome === "taken" || pauseMs === undefined) {
      await events.settleWebhookEvent({ ...ref, seq, dead: outcome === "taken" ? null : (reason ?? "") });
      return;
    }
    setCurrentDetails(`Event ${seq} was not taken (attempt ${retries + 1}): ${toShownLine(reason ?? "")}`);
    if (await condition(isWoken, pauseMs, { summary: `Event ${seq} is tried again` })) return;
  }
}
