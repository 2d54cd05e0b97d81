import { setTimeout as sleep } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import pg from "pg";
import { countUnderWay } from "./check/ledger-view.js";

/** How often it has to look at rest, one second apart. */
const CALM_LOOKS = 3;
/** A permit that nobody could run in time ends after minutes; what a killed process left is taken over much sooner. */
const REST_MAX_MS = 330_000;

export interface RestingRegistry {
  readonly databaseUrl: string;
  readonly temporal: { readonly address: string; readonly namespace: string };
  readonly tenant: string;
}

/**
 * Waits until nothing moves any more: no act is on its way, no flow has a step to take, and the ledger does not grow. Whether something
 * is stuck the checker says; this only gives it all the time that it may take.
 */
export async function waitUntilAtRest(registry: RestingRegistry, each: () => Promise<void> = async () => undefined): Promise<void> {
  const deadline = performance.now() + REST_MAX_MS;
  for (let calm = 0, before = -1; calm < CALM_LOOKS && performance.now() < deadline; await sleep(1_000)) {
    await each();
    const entries = await countEntries(registry.databaseUrl);
    const busy =
      entries !== before || (await countUnderWay(registry.databaseUrl, registry.tenant)) > 0 || (await hasPendingSteps(registry.temporal));
    calm = busy ? 0 : calm + 1;
    before = entries;
  }
}

async function countEntries(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ count: number }>("select count(*)::int as count from ledger_entries");
    return rows[0]?.count ?? 0;
  } finally {
    await client.end();
  }
}

async function hasPendingSteps({ address, namespace }: RestingRegistry["temporal"]): Promise<boolean> {
  const connection = await Connection.connect({ address });
  try {
    const client = new Client({ connection, namespace });
    for await (const { workflowId } of client.workflow.list({ query: 'WorkflowType = "officialAct" and ExecutionStatus = "Running"' })) {
      const found = await connection.workflowService.describeWorkflowExecution({ namespace, execution: { workflowId } });
      if (found.pendingWorkflowTask || (found.pendingActivities ?? []).length > 0) return true;
    }
    return false;
  } finally {
    await connection.close();
  }
}
