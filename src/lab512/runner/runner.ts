import { computeDeriveMaxMs } from "../../domain/act/derive-time.js";
import { isCharterJob } from "../../domain/act/job.js";
import { pickMarks } from "../../domain/act/marks.js";
import type { Outcome } from "../../domain/denial.js";
import { envelopeSchema } from "../../domain/permit/envelope.js";
import type { Receipt, RunnerAnswer } from "../../domain/permit/receipt.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { scopeToTenant } from "../../storage/scoped.js";
import { deriveFromReceipt } from "../jobs/handlers.js";
import { writeProjectIndex } from "../jobs/project-index.js";
import { followAct } from "../pushers/pushers.js";
import { type Act, buildJobContext, buildJobInput } from "./act.js";
import { ActLog } from "./act-log.js";
import { readReceipt, writeReceipt, writeRefusal } from "./answer.js";
import { Attempt } from "./attempt.js";
import { checkAndClaim } from "./claim-command.js";
import type { Execution, RunnerDependencies } from "./dependencies.js";
import { checkClaimedAct } from "./permission.js";
import { runAct } from "./run-act.js";

/** The bytes are not an envelope, so there is no command to answer. The message names every invalid field. */
export class NoEnvelope extends Error {
  override readonly name = "NoEnvelope";
}

/**
 * Runs one command: checks everything itself, wins the claim, executes the job and returns a signed receipt. A command that fails a check
 * gets a signed refusal and has no other effect. Faults are thrown, and the caller retries with a higher `attempt`. Source: contracts
 * "Permit, command, claim, receipt".
 *
 * @throws NoEnvelope for an envelope that cannot be parsed.
 */
export async function executeCommand(
  deps: RunnerDependencies,
  execution: Execution,
  input: { readonly envelope: unknown; readonly authority: unknown },
): Promise<RunnerAnswer> {
  const parsed = parseWith(envelopeSchema, input.envelope);
  if (!parsed.ok) throw new NoEnvelope(`The envelope is malformed: ${formatProblems(parsed.problems)}`);
  const envelope = parsed.value;
  const { tenant_id, jti, jobType, jobId, permit } = envelope;
  const store = scopeToTenant(deps.store, tenant_id);
  const log = new ActLog(deps.now);
  const answering = { deps, store, envelope, log, startedAtMs: deps.now() };
  log.writeLine(`${jobType} ${jobId} jti ${jti} attempt ${execution.attempt}`);

  const command = { envelope, authority: input.authority };
  const claimed = await checkAndClaim(deps, store, execution, command, log);
  if (!claimed.ok) {
    log.writeLine(`refused: ${claimed.denial.code}: ${claimed.denial.message}`);
    return { kind: "refusal", refusal: await writeRefusal(answering, claimed.denial) };
  }
  const { held, isTakenOver, statements, author } = claimed.value;
  const { claimed_at: claimedAtMs, infra_revision, pinned_target } = held.claim;
  const attempt = new Attempt(deps, store, held, execution.signal, claimedAtMs + permit.max_run_ms);
  // A fault is thrown to the act, which awaits the same promise.
  author.catch(() => undefined);
  let permission: Promise<Outcome<null>> | undefined;
  const checkPermission = () => {
    permission ??= Promise.all([checkClaimedAct(deps, store, command, isTakenOver), author]).then(([permitted]) => permitted);
    return permission;
  };
  // Reads the end of the permit while the job starts; a fault is thrown to the job, which awaits the same promise.
  if (!isTakenOver) checkPermission().catch(() => undefined);
  const act: Act = {
    ...answering,
    authority: input.authority,
    statements,
    attempt,
    claimedAtMs,
    isTakenOver,
    checkPermission,
    author,
    infra_revision,
    pinned_target,
    ...pickMarks(held.claim),
  };

  // If an earlier attempt stored the receipt, only objects derived from it can still be missing.
  const known = isTakenOver ? await readReceipt(store, tenant_id, jti) : undefined;
  const { receipt, isOurs } = known === undefined ? await runActToReceipt(act) : { receipt: known, isOurs: false };
  if (receipt.status === "success") await deriveObjects(act, receipt, isOurs);
  await attempt.completeStep("derived");
  return { kind: "receipt", receipt };
}

/** Runs the act and writes its receipt and, in parallel, the project's index. */
async function runActToReceipt(act: Act): Promise<{ receipt: Receipt; isOurs: boolean }> {
  const result = await runAct(act);
  const prepareReceipt = async () => {
    // The refs prove a success. Only the holder of the claim can know that nothing moved.
    if (result.status !== "success") await act.attempt.assertHeld();
    await act.attempt.completeStep("logged");
  };
  const answer = await writeReceipt(act, await act.author, result, prepareReceipt, async (receipt) => {
    if (receipt.status === "success" && !isCharterJob(act.envelope))
      await writeProjectIndex(await buildDerivingContext(act), buildJobInput(act), receipt.finished_at);
  });
  await act.attempt.completeStep("receipted");
  return answer;
}

/**
 * Writes the objects that are derived from the receipt, and the project's index unless it was written in parallel with this same receipt.
 */
async function deriveObjects(act: Act, receipt: Receipt, isIndexed: boolean): Promise<void> {
  // A change of the charter concerns no project.
  if (isCharterJob(act.envelope)) return;
  const { tenant_id, jobType, params, jti } = act.envelope;
  const context = await buildDerivingContext(act);
  const input = { ...buildJobInput(act), params, receipt };
  context.repositories.recordReceipt({ tenant_id, project_id: params.project_id }, jti);
  await Promise.all([
    isIndexed ? undefined : writeProjectIndex(context, input, receipt.finished_at),
    deriveFromReceipt(jobType, context, input),
    followAct(act.deps, act.store, receipt),
  ]);
}

/** Deriving has its own time limit. */
function buildDerivingContext(act: Act) {
  return buildJobContext(act, AbortSignal.timeout(computeDeriveMaxMs(act.envelope.permit.max_run_ms)));
}
