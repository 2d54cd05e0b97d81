import { Client, Connection } from "@temporalio/client";

export interface Flow {
  readonly workflow_id: string;
  readonly status: string;
}

/** Every flow of an official act that Temporal knows. */
export async function readFlows(address: string, namespace: string): Promise<Flow[]> {
  const connection = await Connection.connect({ address });
  try {
    const client = new Client({ connection, namespace });
    const flows: Flow[] = [];
    for await (const { workflowId, status } of client.workflow.list({ query: 'WorkflowType = "officialAct"' }))
      flows.push({ workflow_id: workflowId, status: status.name });
    return flows;
  } finally {
    await connection.close();
  }
}
