/** Returns the id of the workflow that carries a command without a card. It is never reused, so one `jti` is one workflow. */
export function toActWorkflowId(tenantId: string, jti: string): string {
  return `act/${tenantId}/${jti}`;
}

/** Returns the id of the workflow that finishes an act whose own workflow was ended. */
export function toFinishWorkflowId(tenantId: string, jti: string): string {
  return `finish/${tenantId}/${jti}`;
}

/** Returns the id of the workflow that carries a card from proposal to receipt. */
export function toCardWorkflowId(tenantId: string, cardId: string): string {
  return `card/${tenantId}/${cardId}`;
}

/** Returns the id of the workflow that appends an entry to a tenant's charter. */
export function toCharterEntryWorkflowId(tenantId: string, entryHash: string): string {
  return `charter/${tenantId}/${entryHash}`;
}

/** Returns the id of the workflow that previews one act. */
export function toPreviewWorkflowId(tenantId: string, questionId: string): string {
  return `plan/${tenantId}/${questionId}`;
}

/** Returns the id of the workflow that appends a tenant's finished acts to its telemetry repository. */
export function toTelemetryWorkflowId(tenantId: string): string {
  return `telemetry/${tenantId}`;
}

/** Returns the id of the workflow that delivers one webhook's events. */
export function toWebhookWorkflowId(tenantId: string, webhookId: string): string {
  return `webhook/${tenantId}/${webhookId}`;
}
