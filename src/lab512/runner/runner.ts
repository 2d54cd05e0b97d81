import { computeDeriveMaxMs } from "../../domain/act/derive-time.js";
import { signDsse } from "../../domain/bytes/signature.js";
import type { SignedStatement } from "../../domain/card/statement.js";
import { buildDenial, grantValue, type Outcome } from "../../domain/denial.js";
import { checkBinding } from "../../domain/permit/binding.js";
import { type CommandEnvelope, envelopeSchema, hashEnvelope } from "../../domain/permit/envelope.js";
import type { Receipt, RunnerAnswer } from "../../domain/permit/receipt.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import type { JobContext } from "../../planning/job.js";
import type { ObjectStore } from "../../storage/ports.js";
import { scopeToTenant } from "../../storage/scoped.js";
import { writeProjectIndex } from "../jobs/project-index.js";
import { resolveJobHandler } from "../jobs/registry.js";
import { ActLog } from "./act-log.js";
import { type ActResult, type AnswerContext, keepLog, readReceipt, writeReceipt, writeRefusal } from "./answer.js";
import { Attempt, RunTimeExceeded } from "./attempt.js";
import { verifyAttestedStatements } from "./attested-statements.js";
import { checkCommand } from "./check-command.js";
import * as check from "./checks.js";
import { type ClaimWish, GhostAttempt, type HeldClaim, isOwnClaim, readClaim, takeOverClaim, winClaim } from "./claim-holding.js";
import type { Execution, RunnerDependencies } from "./dependencies.js";

/** The bytes are no envelope, so there is nothing to answer to; the message names every bad field. */
export class NoEnvelope extends Error {
  override readonly name = "NoEnvelope";
}

interface Command {
  readonly envelope: CommandEnvelope;
  readonly statements: readonly SignedStatement[];
}

/**
 * Runs one command: checks everything itself, wins the claim, executes, and answers with a signed receipt; what fails a check is
 * answered with a signed refusal and leaves nothing else behind. Faults are thrown, for the caller to try again with a higher
 * `attempt`. Source: contracts "Permit, command, claim, receipt".
 *
 * @throws NoEnvelope for what cannot be parsed.
 */
export async function executeCommand(
  deps: RunnerDependencies,
  execution: Execution,
  input: { readonly envelope: unknown; readonly statements: unknown },
): Promise<RunnerAnswer> {
  const parsed = parseWith(envelopeSchema, input.envelope);
  if (!parsed.ok) throw new NoEnvelope(`The envelope is malformed: ${formatProblems(parsed.problems)}`);
  const command: Command = {
    envelope: parsed.value,
    statements: verifyAttestedStatements(deps.statementKeys, parsed.value, input.statements),
  };
  const store = scopeToTenant(deps.store, command.envelope.tenant_id);
  const log = new ActLog(deps.now);
  const startedAtMs = deps.now();
  log.writeLine(`${command.envelope.jobType} ${command.envelope.jobId} jti ${command.envelope.jti} attempt ${execution.attempt}`);

  const held = await checkAndClaim(deps, store, execution, command.envelope, log);
  const answering = { deps, store, envelope: command.envelope, log, startedAtMs };
  if (!held.ok) {
    log.writeLine(`refused: ${held.denial.code}: ${held.denial.message}`);
    return { kind: "refusal", refusal: await writeRefusal(answering, held.denial) };
  }
  const { claim, isTakenOver } = held.value;
  const attempt = new Attempt(deps, store, claim, execution.signal, claim.claim.claimed_at + command.envelope.permit.max_run_ms);
  const act = new Act(deps, store, command, attempt, log, isTakenOver ? claim.claim.claimed_at : undefined);
  // A receipt that is there already ends the matter; only what derives from it may still be missing.
  const known = execution.attempt > 1 ? await readReceipt(store, command.envelope.tenant_id, command.envelope.jti) : undefined;
  const checkedBy = { infra_revision: claim.claim.infra_revision };
  const { receipt, isOurs } = known === undefined ? await act.answer({ ...answering, ...checkedBy }) : { receipt: known, isOurs: false };
  if (known === undefined) await attempt.completeStep("receipted");
  if (receipt.status === "success") await act.derive(receipt, isOurs);
  await attempt.completeStep("derived");
  return { kind: "receipt", receipt };
}

/** Every check in the contract's order, then the claim. A retry that finds its own claim is past the checks that time can change. */
async function checkAndClaim(
  deps: RunnerDependencies,
  store: ObjectStore,
  execution: Execution,
  envelope: CommandEnvelope,
  log: ActLog,
): Promise<Outcome<{ claim: HeldClaim; isTakenOver: boolean }>> {
  const wish: ClaimWish = {
    workflow_id: execution.workflow_id,
    run_id: execution.run_id,
    activity_id: execution.activity_id,
    attempt: execution.attempt,
    tenant_id: envelope.tenant_id,
    jti: envelope.jti,
    envelope_digest: hashEnvelope(envelope),
    now: deps.now,
  };
  const bound = checkBinding(envelope, deps.permitKeys, deps.target);
  if (!bound.ok) return bound;
  if (execution.attempt > 1) {
    const found = await readClaim(store, envelope.tenant_id, envelope.jti);
    if (found !== undefined && isOwnClaim(found.claim, wish)) {
      log.writeLine(`took over the claim of attempt ${found.claim.attempt}`);
      return grantValue({ claim: await takeOverClaim(store, wish, { claim: found.claim, version: found.version }), isTakenOver: true });
    }
  }
  const checked = await checkCommand(deps, store, envelope);
  if (!checked.ok) return checked;
  const won = await winClaim(store, wish, checked.value.infra_revision);
  if (!won.ok) return won;
  log.writeLine("won the claim");
  return grantValue({ claim: won.value, isTakenOver: false });
}

/** A claimed act: what the job does, whatever happens to the attempt. */
class Act {
  constructor(
    private readonly deps: RunnerDependencies,
    private readonly store: ObjectStore,
    private readonly command: Command,
    private readonly attempt: Attempt,
    private readonly log: ActLog,
    /** When an earlier attempt won the claim, in milliseconds since 1970; undefined when this attempt did. */
    private readonly claimedAt: number | undefined,
  ) {}

  /** Runs the job and writes down what it came to, the project's index beside the receipt. */
  async answer(answering: AnswerContext): Promise<{ receipt: Receipt; isOurs: boolean }> {
    const result = await this.resolveResult();
    const prepareReceipt = async () => {
      // A success is proved by the refs. Anything else says that nothing moved, which only the holder of the claim can know.
      if (result.status !== "success") await this.attempt.assertHeld();
      await this.attempt.completeStep("logged");
    };
    return writeReceipt(answering, result, prepareReceipt, async (receipt) => {
      if (receipt.status === "success") await writeProjectIndex(this.buildDerivingContext(), this.buildInput(), receipt.finished_at);
    });
  }

  private async resolveResult(): Promise<ActResult> {
    await this.attempt.completeStep("claimed").catch(ignoreOutOfTime);
    const { envelope } = this.command;
    // `exp` is compared once more after the claim is won; a takeover of an act that was claimed in time goes on.
    const inTime = check.checkExpiry(envelope, this.claimedAt ?? this.deps.now());
    if (!inTime.ok) return { status: "expired", denial: inTime.denial };
    try {
      return await this.execute(this.attempt.signal);
    } catch (error) {
      if (error instanceof GhostAttempt || !this.attempt.isOutOfTime) throw error;
      return this.resolveLateResult();
    }
  }

  /** The time is up: if the refs had moved the act has happened, otherwise it never will. */
  private async resolveLateResult(): Promise<ActResult> {
    try {
      return await this.execute(AbortSignal.timeout(LATE_LOOK_MS));
    } catch (error) {
      if (!(error instanceof RunTimeExceeded)) throw error;
      const { max_run_ms } = this.command.envelope.permit;
      return {
        status: "error",
        denial: buildDenial("run_time_exceeded", `The job did not finish within ${max_run_ms} ms; nothing was changed.`),
      };
    }
  }

  private async execute(signal: AbortSignal): Promise<ActResult> {
    const { envelope } = this.command;
    const done = await resolveJobHandler(envelope.jobType).execute(this.buildContext(signal), this.buildInput());
    if (!done.ok) {
      this.log.writeLine(`error: ${done.denial.code}: ${done.denial.message}`);
      return { status: "error", denial: done.denial };
    }
    return { status: "success", effects: done.value };
  }

  /** Writes what follows from the receipt, and the project's index where it was not written beside this very receipt. */
  async derive(receipt: Receipt, isIndexed: boolean): Promise<void> {
    const { tenant_id, jobType, params, jti } = this.command.envelope;
    const context = this.buildDerivingContext();
    const input = { ...this.buildInput(), receipt };
    context.repositories.noteReceipt({ tenant_id, project_id: params.project_id }, jti);
    await Promise.all([
      isIndexed ? undefined : writeProjectIndex(context, input, receipt.finished_at),
      resolveJobHandler(jobType).derive?.(context, input),
    ]);
  }

  /** What follows from an act has its own time. */
  private buildDerivingContext(): JobContext {
    return this.buildContext(AbortSignal.timeout(computeDeriveMaxMs(this.command.envelope.permit.max_run_ms)));
  }

  private buildInput() {
    const { jti, params, permit } = this.command.envelope;
    const { receiptKey } = this.deps;
    const signer = { keyid: receiptKey.kid, sign: (type: string, body: Uint8Array) => signDsse(type, body, receiptKey) };
    return { jti, params, permit, statements: this.command.statements, signer };
  }

  private buildContext(signal: AbortSignal): JobContext {
    return {
      tenant_id: this.command.envelope.tenant_id,
      store: this.store,
      repositories: this.deps.getRepositories(this.command.envelope.tenant_id),
      limits: this.deps.limits,
      keepsInfra: this.deps.infra.isKeptBy(this.command.envelope.tenant_id, this.command.envelope.params.project_id),
      isTakenOver: this.claimedAt !== undefined,
      signal,
      log: (line) => this.log.writeLine(line),
      keepLog: (commit) => keepLog({ store: this.store, envelope: this.command.envelope, log: this.log }, commit),
      completeStep: (name) => this.attempt.completeStep(name),
    };
  }
}

/** How long a late attempt looks whether the act had happened. */
const LATE_LOOK_MS = 300_000;

function ignoreOutOfTime(error: unknown): void {
  // A takeover after the deadline still has to find out whether the act had happened.
  if (!(error instanceof RunTimeExceeded)) throw error;
}
