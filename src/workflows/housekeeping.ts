import { ActivityFailure, ApplicationFailure, WorkflowExecutionAlreadyStartedError } from "@temporalio/common";
import { ParentClosePolicy, patched, startChild } from "@temporalio/workflow";
import { toFinishWorkflowId, toTelemetryWorkflowId } from "../domain/act/workflow-id.js";
import type { CommandRef, WebhookRef } from "../domain/flow/lab256-steps.js";
import { ANCHOR_REFUSED } from "../domain/flow/lab512-steps.js";
import type { SignedHead } from "../domain/ledger/ledger-head.js";
import { anchorer, lab256, sweeper } from "./activities.js";
import { finishAct } from "./finish-act.js";
import { toSearchAttributes } from "./search-attributes.js";
import { telemetry } from "./telemetry.js";
import { buildDeliveryOptions, webhookDelivery } from "./webhook-delivery.js";

/**
 * Runs on a schedule: ends unused permits, anchors the newest signed heads of the ledger in the object store, and starts missing flows of
 * enabled webhooks, of tenants' telemetry and of acts that were left without a receipt. Closes cards that were left without a flow. Returns the numbers of ended permits and anchored heads.
 */
export async function housekeeping(): Promise<{ ended_permits: number; anchored_heads: number }> {
  const ended_permits = await sweeper.sweepPermits();
  const heads = await lab256.headsToAnchor();
  const refusal = heads.length === 0 ? undefined : await anchorHeads(heads).catch((error: unknown) => error);
  if (patched("webhook-flows")) for (const webhook of await lab256.enabledWebhooks()) await ensureWebhookFlow(webhook);
  if (patched("telemetry-flows")) for (const tenantId of await lab256.telemetryTenants()) await ensureTelemetryFlow(tenantId);
  if (patched("abandoned-cards")) await sweeper.closeAbandonedCards();
  if (patched("finishing-flows")) for (const ref of await sweeper.abandonedCommands()) await ensureFinishingFlow(ref);
  // Last, so that a chain that cannot be anchored stops nothing else.
  if (refusal !== undefined) throw refusal;
  return { ended_permits, anchored_heads: heads.length };
}

/** Anchors heads and records those that were anchored. Returns the failure if some were refused. */
async function anchorHeads(heads: readonly SignedHead[]): Promise<unknown> {
  const refusal = await anchorer.anchorHeads(heads).catch(toAnchorRefusal);
  const refused: unknown = refusal?.details?.[0];
  const anchored = Array.isArray(refused) ? heads.filter(({ container }) => !refused.includes(container)) : heads;
  if (anchored.length > 0) await lab256.recordAnchored(anchored);
  return refusal ?? undefined;
}

function toAnchorRefusal(error: unknown): ApplicationFailure {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  if (cause instanceof ApplicationFailure && cause.type === ANCHOR_REFUSED && Array.isArray(cause.details?.[0])) return cause;
  throw error;
}

/** A webhook's flow is missing if Temporal was down when the charter named the webhook, or has lost its state. */
async function ensureWebhookFlow(webhook: WebhookRef): Promise<void> {
  await startUnlessRunning(() =>
    startChild(webhookDelivery, { ...buildDeliveryOptions(webhook), parentClosePolicy: ParentClosePolicy.ABANDON }),
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

/** An act's own flow is missing if somebody ended it in Temporal, or Temporal has lost its state. */
async function ensureFinishingFlow({ tenant_id, jti }: CommandRef): Promise<void> {
  await startUnlessRunning(() =>
    startChild(finishAct, {
      workflowId: toFinishWorkflowId(tenant_id, jti),
      args: [{ tenant_id, jti }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      typedSearchAttributes: toSearchAttributes({ tenant: tenant_id }),
      staticSummary: `Finishes the act ${jti} of ${tenant_id}, whose own flow was ended`,
      priority: { fairnessKey: tenant_id },
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
