import { WorkflowExecutionAlreadyStartedError } from "@temporalio/common";
import { ParentClosePolicy, patched, startChild } from "@temporalio/workflow";
import type { WebhookInput } from "../activities/lab256/types.js";
import { webhookWorkflowId } from "../domain/workflow-id.js";
import { anchorer, lab256 } from "./activities.js";
import { webhookDelivery } from "./webhook-delivery.js";

/**
 * What a schedule does from time to time: ends permits that nobody used, anchors the newest signed heads of the ledger in the object
 * store, and sees to it that every enabled webhook has its flow. Answers how much there was to do.
 */
export async function housekeeping(): Promise<{ ended_permits: number; anchored_heads: number }> {
  const ended_permits = await lab256.sweepPermits();
  const heads = await lab256.headsToAnchor();
  if (heads.length > 0) {
    await anchorer.anchorHeads(heads);
    await lab256.recordAnchored(heads);
  }
  if (patched("webhook-flows")) for (const webhook of await lab256.enabledWebhooks()) await keepDelivering(webhook);
  return { ended_permits, anchored_heads: heads.length };
}

/** A webhook's flow was never started when Temporal was away as it was declared, and is gone when Temporal lost its state. */
async function keepDelivering(webhook: WebhookInput): Promise<void> {
  try {
    await startChild(webhookDelivery, {
      workflowId: webhookWorkflowId(webhook.tenant_id, webhook.webhook_id),
      args: [webhook],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `Brings the events of ${webhook.tenant_id} to ${webhook.webhook_id}`,
    });
  } catch (error) {
    // It runs, as it should.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
