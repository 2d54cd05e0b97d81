import { ApplicationFailure, Context } from "@temporalio/activity";
import { jobSchema } from "../domain/act/job.js";
import { toCanonicalBytes } from "../domain/bytes/canonical.js";
import { verifySignedObject } from "../domain/bytes/signature.js";
import { denyWith } from "../domain/denial.js";
import { ANCHOR_REFUSED, type Lab512Activities } from "../domain/flow/lab512-steps.js";
import { parseJsonBytes } from "../domain/json.js";
import { type SignedHead, signedHeadSchema } from "../domain/ledger/ledger-head.js";
import { formatProblems, parseWith } from "../domain/problems.js";
import { toAnchorKey } from "../domain/storage-key.js";
import { appendEntry } from "../lab512/charter/append-entry.js";
import { appendRecovery } from "../lab512/charter/append-recovery.js";
import type { Execution, RunnerDependencies } from "../lab512/runner/dependencies.js";
import { planAct } from "../lab512/runner/plan-act.js";
import { executeCommand, NoEnvelope } from "../lab512/runner/runner.js";
import { countAnswer } from "../process/metrics/lab512.js";
import { scopeToTenant } from "../storage/scoped.js";

const HEARTBEAT_EVERY_MS = 400;

/** Numbers the attempts of a later round above all attempts of earlier rounds. */
const ATTEMPTS_PER_ROUND_MAX = 1_000_000;
/** More than any flow schedules. */
const ROUNDS_MAX = 1_000_000;

/** Binds the Runner's activities to their dependencies. */
export function createLab512Activities(deps: RunnerDependencies): Lab512Activities {
  return {
    planAct: (card) =>
      runWithHeartbeat(async () => {
        const job = parseWith(jobSchema, { jobType: card.jobType, params: card.params });
        if (!job.ok) return denyWith("envelope_invalid", `The job is malformed: ${formatProblems(job.problems)}`);
        return planAct(deps, { tenant_id: card.tenant_id, target: card.target, job: job.value });
      }),
    runCommand: ({ envelope, authority, round }) =>
      runWithHeartbeat(async () => {
        // Anyone who reaches Temporal chooses it, and the claim keeps the number of the attempt.
        if (!Number.isSafeInteger(round) || round < 1 || round > ROUNDS_MAX)
          throw ApplicationFailure.nonRetryable(`The round ${round} is not a whole number from 1 to ${ROUNDS_MAX}.`, "envelope_invalid");
        try {
          return countAnswer(await executeCommand(deps, readExecution(round), { envelope, authority }));
        } catch (error) {
          if (error instanceof NoEnvelope) throw ApplicationFailure.nonRetryable(error.message, "envelope_invalid");
          throw error;
        }
      }),
    anchorHeads: (heads) => runWithHeartbeat(() => anchorHeads(deps, heads)),
    appendCharterEntry: (sent) => runWithHeartbeat(() => ("kind" in sent ? appendRecovery(deps, sent) : appendEntry(deps, sent))),
  };
}

function readExecution(round: number): Execution {
  const { info, cancellationSignal } = Context.current();
  return {
    workflow_id: info.workflowExecution?.workflowId ?? "",
    run_id: info.workflowExecution?.runId ?? "",
    activity_id: info.activityId,
    attempt: (round - 1) * ATTEMPTS_PER_ROUND_MAX + info.attempt,
    signal: cancellationSignal,
  };
}

/** Runs `work` and sends heartbeats meanwhile. */
async function runWithHeartbeat<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), HEARTBEAT_EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

async function anchorHeads(deps: RunnerDependencies, heads: readonly SignedHead[]): Promise<void> {
  const refused: { container: string; why: string }[] = [];
  for (const head of heads) {
    const why = await anchorHead(deps, head);
    if (why !== undefined) refused.push({ container: head.container, why });
  }
  if (refused.length === 0) return;
  // A refused chain does not keep others from being anchored, or from being recorded as anchored.
  const why = refused.map((one) => one.why).join(" ");
  throw ApplicationFailure.nonRetryable(
    why,
    ANCHOR_REFUSED,
    refused.map(({ container }) => container),
  );
}

/** Anchors one head. Returns the reason why it was not anchored, or undefined. */
async function anchorHead(deps: RunnerDependencies, head: SignedHead): Promise<string | undefined> {
  const parsed = parseWith(signedHeadSchema, head);
  if (!parsed.ok) return `The head is malformed: ${formatProblems(parsed.problems)}`;
  const { tenant_id, container, seq, hash } = parsed.value;
  const charter = await deps.charters.readNewest(tenant_id);
  if (!charter.ok) return charter.denial.message;
  const verdict = verifySignedObject("head", parsed.value, charter.value.listKeys("permit"));
  if (verdict !== "valid") return `The head of ${container} is not signed by LAB 256 (${verdict}).`;
  const store = scopeToTenant(deps.store, tenant_id);
  const key = toAnchorKey(tenant_id, seq);
  if ((await store.blobs.create(key, toCanonicalBytes(parsed.value))) === "created") return undefined;
  const kept = await store.blobs.get(key);
  const anchored = kept === undefined ? undefined : signedHeadSchema.safeParse(parseJsonBytes(kept)).data;
  if (anchored?.hash === hash) return undefined;
  return `Another head is anchored at ${key}: the ledger was rewritten or restored from an old backup.`;
}
