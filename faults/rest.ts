import { setTimeout as sleep } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import pg from "pg";
import { countRunning } from "./check/ledger-view.js";

/** The number of consecutive idle observations, one second apart. */
const IDLE_OBSERVATIONS = 3;
/** A permit that could not run in time ends after minutes. Work of a killed process is taken over much sooner. */
const REST_MAX_MS = 330_000;

export interface RestingRegistry {
  readonly databaseUrl: string;
  readonly temporal: { readonly address: string; readonly namespace: string };
  readonly tenant: string;
}

/**
 * Waits until no act is running, no flow has a pending step and the ledger does not grow, or until the time limit. The checker then finds
 * what is stuck.
 */
export async function waitUntilAtRest(registry: RestingRegistry, each: () => Promise<void> = async () => undefined): Promise<void> {
  const deadline = performance.now() + REST_MAX_MS;
  for (let calm = 0, before = -1; calm < IDLE_OBSERVATIONS && performance.now() < deadline; await sleep(1_000)) {
    await each();
    const entries = await countEntries(registry.databaseUrl);
    const busy =
      entries !== before || (await countRunning(registry.databaseUrl, registry.tenant)) > 0 || (await hasPendingSteps(registry.temporal));
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
