import { WorkflowExecutionAlreadyStartedError } from "@temporalio/common";
import { ParentClosePolicy, patched, startChild } from "@temporalio/workflow";
import { toTelemetryWorkflowId, toWebhookWorkflowId } from "../domain/act/workflow-id.js";
import type { WebhookRef } from "../domain/flow/lab256-steps.js";
import { anchorer, lab256 } from "./activities.js";
import { toSearchAttributes } from "./search-attributes.js";
import { telemetry } from "./telemetry.js";
import { webhookDelivery } from "./webhook-delivery.js";

/**
 * Runs on a schedule: ends unused permits, anchors the newest signed heads of the ledger in the object store, and starts missing flows of
 * enabled webhooks and of tenants' telemetry. Returns the numbers of ended permits and anchored heads.
 */
export async function housekeeping(): Promise<{ ended_permits: number; anchored_heads: number }> {
  const ended_permits = await lab256.sweepPermits();
  const heads = await lab256.headsToAnchor();
  if (heads.length > 0) {
    await anchorer.anchorHeads(heads);
    await lab256.recordAnchored(heads);
  }
  if (patched("webhook-flows")) for (const webhook of await lab256.enabledWebhooks()) await ensureWebhookFlow(webhook);
  if (patched("telemetry-flows")) for (const tenantId of await lab256.telemetryTenants()) await ensureTelemetryFlow(tenantId);
  return { ended_permits, anchored_heads: heads.length };
}

/** A webhook's flow is missing if Temporal was down when the webhook was declared, or has lost its state. */
async function ensureWebhookFlow(webhook: WebhookRef): Promise<void> {
  await startUnlessRunning(() =>
    startChild(webhookDelivery, {
      workflowId: toWebhookWorkflowId(webhook.tenant_id, webhook.webhook_id),
      args: [webhook],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `Delivers the events of ${webhook.tenant_id} to ${webhook.webhook_id}`,
    }),
  );
}

/** A tenant's telemetry starts with the first sweep after its founding. If Temporal loses its state, telemetry resumes from the ledger. */
async function ensureTelemetryFlow(tenantId: string): Promise<void> {
  await startUnlessRunning(() =>
    startChild(telemetry, {
      workflowId: toTelemetryWorkflowId(tenantId),
      args: [{ tenant_id: tenantId }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      typedSearchAttributes: toSearchAttributes({ tenant: tenantId }),
      staticSummary: `Appends the finished acts of ${tenantId} to its telemetry repository`,
      priority: { fairnessKey: tenantId },
    }),
  );
}

async function startUnlessRunning(start: () => Promise<unknown>): Promise<void> {
  try {
    await start();
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
