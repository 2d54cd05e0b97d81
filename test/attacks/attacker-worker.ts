import { fileURLToPath } from "node:url";
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker, type WorkerOptions } from "@temporalio/worker";

export const ATTACKER_QUEUE = "MALLORY";

/** Runs `work` while Mallory's worker serves her workflows on her queue, or activities on another queue. */
export async function serveWhile<T>(
  temporal: { readonly address: string; readonly namespace: string },
  serving: Pick<WorkerOptions, "taskQueue" | "activities">,
  work: () => Promise<T>,
): Promise<T> {
  const connection = await NativeConnection.connect({ address: temporal.address });
  try {
    const workflows = serving.activities === undefined ? { workflowBundle: await bundleAttackerWorkflows() } : {};
    const worker = await Worker.create({ connection, namespace: temporal.namespace, ...serving, ...workflows });
    return await worker.runUntil(work);
  } finally {
    await connection.close();
  }
}

function bundleAttackerWorkflows() {
  return bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL("attacker-workflows.ts", import.meta.url)),
    webpackConfigHook: (config) => ({ ...config, resolve: { ...config.resolve, extensionAlias: { ".js": [".ts", ".js"] } } }),
    logger: new DefaultLogger("ERROR", () => undefined),
  });
}
