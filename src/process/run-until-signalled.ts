import type { Worker } from "@temporalio/worker";

/**
 * Runs a worker until SIGTERM or SIGINT, then lets what it has begun come to an end. Says on standard output when it is ready, as one
 * line of JSON with `"ready":true`.
 */
export async function runUntilSignalled(worker: Worker, announcement: { name: string } & Record<string, unknown>): Promise<void> {
  // The SDK's own signal handling (its Runtime) shuts every worker of the process down.
  const running = worker.run();
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, ...announcement })}\n`);
  await running;
}
