import {
  condition,
  continueAsNew,
  defineSignal,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from "@temporalio/workflow";
import type { Lab256Activities, WebhookActivityName } from "../domain/flow/lab256-steps.js";

/** Wakes the flow to look for events. Without it, the flow looks every few seconds. */
export const webhookWokenSignal = defineSignal<[]>("webhook_woken");

const LOOKS_EVERY = "5s";
/** Each look is a few events; the server suggests a new run when a history grows long, and this bounds it where it does not. */
const LOOKS_MAX = 1_000;

/** A receiver may take seconds to answer. Its answer is a value; only faults are retried. */
const events = proxyLocalActivities<Pick<Lab256Activities, WebhookActivityName>>({
  startToCloseTimeout: "20s",
  scheduleToCloseTimeout: "365 days",
  retry: { initialInterval: "100ms", backoffCoefficient: 2, maximumInterval: "5s" },
});

interface WebhookRef {
  readonly tenant_id: string;
  readonly webhook_id: string;
}

/**
 * Delivers the events of a tenant's ledger to one receiver, in order and at least once, while the webhook is enabled. An event that fails its
 * last retry becomes a dead letter. Source: Standard Webhooks "Retries".
 */
export async function webhookDelivery(ref: WebhookRef): Promise<void> {
  let woken = false;
  setHandler(webhookWokenSignal, () => {
    woken = true;
  });
  for (let looks = 0; looks < LOOKS_MAX && !workflowInfo().continueAsNewSuggested; looks += 1) {
    woken = false;
    const next = await events.nextWebhookEvent(ref);
    if (next.state === "stopped") return;
    if (next.state === "event") await deliverEvent(ref, next, () => woken);
    else await condition(() => woken, LOOKS_EVERY, { summary: "Waits for the next event" });
  }
  await continueAsNew<typeof webhookDelivery>(ref);
}

/** Returns when the event is settled, or when the flow is woken: the webhook's address or retries may have changed. */
async function deliverEvent(
  ref: WebhookRef,
  { seq, retries_ms }: { readonly seq: number; readonly retries_ms: readonly number[] },
  isWoken: () => boolean,
): Promise<void> {
  for (let tried = 0; ; tried += 1) {
    const { outcome, reason } = await events.deliverWebhookEvent({ ...ref, seq });
    if (outcome === "stopped") return;
    const pauseMs = retries_ms[tried];
    if (outcome === "taken" || pauseMs === undefined) {
      await events.settleWebhookEvent({ ...ref, seq, dead: outcome === "taken" ? null : (reason ?? "") });
      return;
    }
    setCurrentDetails(`Event ${seq} was not taken (attempt ${tried + 1}): ${reason ?? ""}`);
    if (await condition(isWoken, pauseMs, { summary: `Event ${seq} is tried again` })) return;
  }
}
