/** The states of a flow, with or without a card. The last six are final. */
export const FLOW_STATUSES = [
  "planning",
  "awaiting_approval",
  "approved",
  "running",
  "success",
  "error",
  "denied",
  "expired",
  "rejected",
  "withdrawn",
] as const;
export type FlowStatus = (typeof FLOW_STATUSES)[number];

export const FINAL_STATUSES = ["success", "error", "denied", "expired", "rejected", "withdrawn"] as const satisfies readonly FlowStatus[];

export function isFinalStatus(status: FlowStatus): boolean {
  return (FINAL_STATUSES as readonly FlowStatus[]).includes(status);
}
