import { buildDenial } from "../../domain/denial.js";
import { executeJob } from "../jobs/handlers.js";
import { type Act, buildJobContext, buildJobInput } from "./act.js";
import type { ActResult } from "./answer.js";
import { RunTimeExceeded } from "./attempt.js";
import { checkExpiry } from "./checks.js";
import { GhostAttempt } from "./claim-holding.js";

/** How long a late attempt searches for evidence that the act had happened. */
const LATE_SEARCH_MS = 300_000;

/**
 * Runs the job of a claimed act.
 *
 * @throws GhostAttempt if the attempt must stop, and faults for a retry.
 */
export async function runAct(act: Act): Promise<ActResult> {
  const { attempt, deps, envelope } = act;
  await attempt.completeStep("claimed").catch(ignoreRunTimeExceeded);
  // Checks `exp` again after the claim is won. An act that was claimed in time stays in time when it is taken over.
  const inTime = checkExpiry(envelope, act.isTakenOver ? act.claimedAtMs : deps.now());
  if (!inTime.ok) return { status: "expired", denial: inTime.denial };
  try {
    return await execute(act, attempt.signal);
  } catch (error) {
    if (error instanceof GhostAttempt || !attempt.isOutOfTime) throw error;
    return findLateResult(act);
  }
}

/** After the run time: if the refs had moved, the act has happened; otherwise it never will. */
async function findLateResult(act: Act): Promise<ActResult> {
  try {
    return await execute(act, AbortSignal.timeout(LATE_SEARCH_MS));
  } catch (error) {
    if (!(error instanceof RunTimeExceeded)) throw error;
    const message = `The job did not finish within ${act.envelope.permit.max_run_ms} ms; nothing was changed.`;
    return { status: "error", denial: buildDenial("run_time_exceeded", message) };
  }
}

async function execute(act: Act, signal: AbortSignal): Promise<ActResult> {
  const done = await executeJob(act.envelope.jobType, buildJobContext(act, signal), buildJobInput(act));
  if (done.ok) return { status: "success", effects: done.value };
  act.log.writeLine(`error: ${done.denial.code}: ${done.denial.message}`);
  return { status: "error", denial: done.denial };
}

/** An attempt that takes over after the deadline still has to find out whether the act had happened. */
function ignoreRunTimeExceeded(error: unknown): void {
  if (!(error instanceof RunTimeExceeded)) throw error;
}
