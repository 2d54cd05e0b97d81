import { type WorkflowClient, WorkflowNotFoundError } from "@temporalio/client";
import { APPROVALS_VOIDED_SIGNAL } from "../domain/flow/lab256-steps.js";

/** Tells a card's flow that its approvals are void. A flow that has ended needs no such message. */
export async function tellApprovalsVoided(client: WorkflowClient, workflowId: string): Promise<void> {
  try {
    await client.getHandle(workflowId).signal(APPROVALS_VOIDED_SIGNAL);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/** Returns whether Temporal has the workflow and it is not closed. */
export async function isFlowOpen(client: WorkflowClient, workflowId: string): Promise<boolean> {
  try {
    return (await client.getHandle(workflowId).describe()).closeTime === undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
