import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Client, Connection, WithStartWorkflowOperation } from "@temporalio/client";
import { startProcess } from "../../src/stack/registry/processes.js";
import type { BenchRegistry } from "../registry.js";
import { WORKFLOW_QUEUE } from "./steps.js";
import { type bareFlow, waitForEndUpdate } from "./workflow.js";

/**
 * Starts the two workers of the bare flow on the servers of `registry`, which measures the minimum cost of a push with Temporal, Postgres
 * and the store. `run` runs one flow. Returns its duration in milliseconds.
 */
export async function startBareFlows({ temporal, databaseUrl, rootStore, supervisor }: BenchRegistry) {
  const env = {
    BARE_TEMPORAL: temporal.address,
    BARE_NAMESPACE: temporal.namespace,
    BARE_DATABASE: databaseUrl,
    BARE_STORE: JSON.stringify(rootStore),
  };
  for (const role of ["workflow", "store"])
    await startProcess(supervisor, { name: `bare-${role}`, entry: fileURLToPath(new URL(`${role}-worker.main.js`, import.meta.url)), env });
  const connection = await Connection.connect({ address: temporal.address });
  const { workflow } = new Client({ connection, namespace: temporal.namespace });
  const run = async (): Promise<number> => {
    const flow = randomUUID();
    const started = performance.now();
    await workflow.executeUpdateWithStart(waitForEndUpdate, {
      startWorkflowOperation: new WithStartWorkflowOperation<typeof bareFlow>("bareFlow", {
        workflowId: `bare/${flow}`,
        args: [flow],
        taskQueue: WORKFLOW_QUEUE,
        workflowIdConflictPolicy: "FAIL",
      }),
    });
    return performance.now() - started;
  };
  return { run, close: () => connection.close() };
}
