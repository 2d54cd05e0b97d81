import { ActivityFailure } from "@temporalio/common";
import { proxyActivities } from "@temporalio/workflow";
import type { ProposedAct } from "../../src/domain/card/card.js";
import type { Outcome } from "../../src/domain/denial.js";
import type { Lab512Activities, PlannedAct, RunCommandInput } from "../../src/domain/flow/lab512-steps.js";
import type { RunnerAnswer } from "../../src/domain/permit/receipt.js";

/** Mallory's flow that makes the Runner run a command without the registry. */
export async function runDirectly(input: RunCommandInput): Promise<RunnerAnswer> {
  return proxyRunner<Pick<Lab512Activities, "runCommand">>().runCommand(input);
}

function proxyRunner<A extends object>() {
  return proxyActivities<A>({ taskQueue: "LAB_512", startToCloseTimeout: "60s", retry: { maximumAttempts: 1 } });
}

/** Mallory's flow that asks the Runner for the plan of an act, and makes it run commands without the registry. */
export async function planDirectly(act: ProposedAct): Promise<Outcome<PlannedAct>> {
  return proxyRunner<Pick<Lab512Activities, "planAct">>().planAct(act);
}

/** Mallory's flow that makes the Runner run many commands. */
export async function runAllDirectly(inputs: readonly RunCommandInput[]): Promise<RunnerAnswer[]> {
  const runner = proxyRunner<Pick<Lab512Activities, "runCommand">>();
  return Promise.all(inputs.map((input) => runner.runCommand(input)));
}

/** Mallory's flow that schedules the steps of LAB 256 as activities on its queue. Returns for each whether it ran. */
export async function scheduleOnLab256(cardId: string): Promise<Record<string, string>> {
  const steps = proxyActivities<Record<string, (input: unknown) => Promise<unknown>>>({
    taskQueue: "LAB_256",
    scheduleToCloseTimeout: "4s",
    retry: { maximumAttempts: 1 },
  });
  const said: Record<string, string> = {};
  for (const name of ["issuePermit", "closeCard", "endPermit"]) {
    try {
      await steps[name]?.({ card_id: cardId, tenant_id: "T.UBL" });
      said[name] = "run";
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      said[name] = error.cause?.name === "TimeoutFailure" ? "not run" : `run: ${error.cause?.message}`;
    }
  }
  return said;
}
