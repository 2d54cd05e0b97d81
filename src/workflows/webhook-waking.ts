import type { WorkflowClient } from "@temporalio/client";
import { LAB_256_QUEUE } from "../domain/act/task-queue.js";
import type { WebhookRef } from "../domain/flow/lab256-steps.js";
import { buildDeliveryOptions, type webhookDelivery, webhookWokenSignal } from "./webhook-delivery.js";

/** Tells a webhook's flow to look for events, and starts the flow if it does not run. */
export async function wakeWebhook(client: WorkflowClient, ref: WebhookRef): Promise<void> {
  await client.signalWithStart<typeof webhookDelivery>("webhookDelivery", {
    ...buildDeliveryOptions(ref),
    signal: webhookWokenSignal,
    signalArgs: [],
    taskQueue: LAB_256_QUEUE,
  });
}
