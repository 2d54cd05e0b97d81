import { proxyActivities } from "@temporalio/workflow";
import type { Lab512Activities, RunCommandInput } from "../../src/activities/lab512/types.js";
import type { RunnerAnswer } from "../../src/domain/receipt.js";

/** A flow of Mallory's own, which asks the Runner to run a command without the registry. */
export async function runDirectly(input: RunCommandInput): Promise<RunnerAnswer> {
  const runner = proxyActivities<Pick<Lab512Activities, "runCommand">>({
    taskQueue: "LAB_512",
    startToCloseTimeout: "30s",
    retry: { maximumAttempts: 1 },
  });
  return runner.runCommand(input);
}
