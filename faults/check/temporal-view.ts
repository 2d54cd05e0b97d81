import { Client, Connection } from "@temporalio/client";

export interface Flow {
  readonly workflow_id: string;
  readonly status: string;
}

/** Lists every flow of an official act in Temporal. */
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
