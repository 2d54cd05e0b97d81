import { type WorkflowClient, WorkflowNotFoundError } from "@temporalio/client";

/** Returns whether Temporal has the workflow and it is not closed. */
export async function isFlowOpen(client: WorkflowClient, workflowId: string): Promise<boolean> {
  try {
    return (await client.getHandle(workflowId).describe()).closeTime === undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
