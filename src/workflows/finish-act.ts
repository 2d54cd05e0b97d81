import { ActivityFailure } from "@temporalio/common";
import { isCancellation, setCurrentDetails, sleep } from "@temporalio/workflow";
import type { AbandonedCommand, CommandRef, FlowEnd } from "../domain/flow/lab256-steps.js";
import { lab256, lab256Briefly, proxyRunner } from "./activities.js";

/** Not the first, so that the Runner looks for the claim before it checks `exp`. */
const ROUND = 2;

/** The pause before a later sweep starts another flow for the same act. */
const PAUSE = "10m";

/**
 * Runs an act whose own flow was ended to its receipt, records it, and closes its card. Returns null if there is none: the command is not
 * abandoned, or no Runner has finished the act in time, and a later sweep starts another flow. Source: contracts "A flow that an operator of
 * Temporal cancels or ends".
 */
export async function finishAct(ref: CommandRef): Promise<FlowEnd | null> {
  const command = await lab256.abandonedCommand(ref);
  if (command === null) return null;
  const end = await runToEnd(command);
  if (end === null) {
    await sleep(PAUSE, { summary: "A later sweep tries again" });
    return null;
  }
  const { card, workflow_id } = command;
  if (card !== null) await lab256.closeCard({ card, workflow_id, end });
  return end;
}

async function runToEnd({ authority, transport, card: _, ...command }: AbandonedCommand): Promise<FlowEnd | null> {
  const { envelope } = command;
  const { max_run_ms } = envelope.permit;
  try {
    const runner = proxyRunner({ waitMaxMs: max_run_ms, maxRunMs: max_run_ms, activityId: `run-${ROUND}` });
    // A Runner that pulls gets the command without a flow, and its receipt is read from the store.
    const answer = transport === "temporal" ? await runner.runCommand({ envelope, authority, round: ROUND }) : null;
    return await lab256Briefly.recordAnswer({ ...command, answer });
  } catch (error) {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    setCurrentDetails(`No Runner has finished the act: ${error.cause?.message ?? error.message}`);
    return null;
  }
}
