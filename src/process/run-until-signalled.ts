import type { Worker } from "@temporalio/worker";

/**
 * Runs a worker until SIGTERM or SIGINT, and lets it finish its tasks then. Writes a line of JSON with `"ready":true` to standard output
 * when it is ready.
 */
export async function runUntilSignalled(worker: Worker, announcement: { name: string } & Record<string, unknown>): Promise<void> {
  // The SDK's Runtime handles the signals and shuts down every worker of the process.
  const running = worker.run();
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, ...announcement })}\n`);
  await running;
}
