import { isCharterJob } from "../../domain/act/job.js";
import { buildDenial, type Denial } from "../../domain/denial.js";
import { changeCharter, recordEndedChange } from "../charter/change-charter.js";
import { recordEndedAct } from "../git/repository-records.js";
import { executeJob } from "../jobs/handlers.js";
import { type Act, buildJobContext, buildJobInput } from "./act.js";
import type { ActResult } from "./answer.js";
import { RunTimeExceeded } from "./attempt.js";
import { checkExpiry } from "./checks.js";
import { GhostAttempt } from "./claim-holding.js";
import { ActDenied } from "./permission.js";

/** How long a late attempt searches for evidence that the act had happened. */
const LATE_SEARCH_MS = 300_000;

/**
 * Runs the job of a claimed act.
 *
 * @throws GhostAttempt if the attempt must stop, and faults for a retry.
 */
export async function runAct(act: Act): Promise<ActResult> {
  const result = await runClaimedJob(act);
  // A write of an earlier attempt, or one that this attempt gave up, may still be on its way to the store.
  if (result.status === "success" || !(act.isTakenOver || act.attempt.isOutOfTime)) return result;
  const { tenant_id, jobType, jti, params } = act.envelope;
  const name = { tenant_id, project_id: params.project_id };
  const hasEnded = isCharterJob(act.envelope)
    ? await recordEndedChange(act)
    : await recordEndedAct(act.store, name, jti, { registers: jobType === "git.registry.init" });
  if (hasEnded) return result;
  return execute(act, AbortSignal.timeout(LATE_SEARCH_MS));
}

async function runClaimedJob(act: Act): Promise<ActResult> {
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
    const message = `The job did not finish within ${act.envelope.permit.max_run_ms} ms, and nothing was changed. Try it again, with a new permit or card.`;
    return { status: "error", denial: buildDenial("run_time_exceeded", message) };
  }
}

async function execute(act: Act, signal: AbortSignal): Promise<ActResult> {
  try {
    const { envelope } = act;
    const context = await buildJobContext(act, signal);
    const done = isCharterJob(envelope)
      ? await changeCharter(act, envelope, context)
      : await executeJob(envelope.jobType, context, { ...buildJobInput(act), params: envelope.params });
    return done.ok ? { status: "success", effects: done.value } : failWith(act, "error", done.denial);
  } catch (error) {
    if (error instanceof ActDenied) return failWith(act, error.denial.code === "permit_expired" ? "expired" : "denied", error.denial);
    throw error;
  }
}

function failWith({ log }: Act, status: "error" | "denied" | "expired", denial: Denial): ActResult {
  log.writeLine(`${status}: ${denial.code}: ${denial.message}`);
  return { status, denial };
}

/** An attempt that takes over after the deadline still has to find out whether the act had happened. */
function ignoreRunTimeExceeded(error: unknown): void {
  if (!(error instanceof RunTimeExceeded)) throw error;
}
