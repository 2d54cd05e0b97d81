import type { ObjectStore } from "../../storage/ports.js";
import type { JobStep } from "../jobs/job.js";
import { assertClaimHeld, GhostAttempt, type HeldClaim } from "./claim-holding.js";
import type { RunnerDependencies } from "./dependencies.js";

/**
 * If the attempt paused for less than this, no other attempt can have started: a takeover takes 1,500 ms without a heartbeat, but the SDK
 * passes heartbeats on only every 1,200 ms (0.8 of that), so a pause of 300 ms can suffice.
 */
const PAUSE_MAX_MS = 250;

/** The job's run time ended before any effect became visible. */
export class RunTimeExceeded extends Error {
  override readonly name = "RunTimeExceeded";
}

/** One attempt at a claimed act. It may continue while it is not cancelled, holds the claim and has time left. */
export class Attempt {
  private lastSeenMs: number;

  constructor(
    private readonly deps: RunnerDependencies,
    private readonly store: ObjectStore,
    private readonly held: HeldClaim,
    private readonly cancelled: AbortSignal,
    private readonly deadlineMs: number,
  ) {
    this.lastSeenMs = held.seenAtMs;
  }

  get isOutOfTime(): boolean {
    return this.deps.now() >= this.deadlineMs;
  }

  /** Aborts git processes and downloads when the attempt is cancelled or its time is up. */
  get signal(): AbortSignal {
    const leftMs = Math.max(1, this.deadlineMs - this.deps.now());
    return AbortSignal.any([this.cancelled, AbortSignal.timeout(leftMs)]);
  }

  /** Marks a step as complete. An attempt that was frozen detects here, before its next side effect, that another one holds the claim. */
  async completeStep(name: JobStep): Promise<void> {
    await this.deps.onStep?.(this.held.claim.jti, name);
    // Once the refs have moved, the act needs its receipt, whoever cancels.
    if (this.cancelled.aborted && isBeforeMove(name)) throw new GhostAttempt("This attempt was cancelled by its scheduler.");
    // Read before the check, so that a freeze during the check is noticed too.
    const now = performance.now();
    if (now - this.lastSeenMs > PAUSE_MAX_MS) await this.assertHeld();
    this.lastSeenMs = now;
    if (this.isOutOfTime && isBeforeMove(name)) throw new RunTimeExceeded("The job's run time is over.");
  }

  /** @throws GhostAttempt if another attempt took the claim over. */
  assertHeld(): Promise<void> {
    return assertClaimHeld(this.store, this.held);
  }
}

/** Once the refs have moved, the act has happened, however late; the later steps only record it. */
export function isBeforeMove(step: JobStep): boolean {
  return step === "claimed" || step === "looked" || step === "fetched" || step === "checked" || step === "stored";
}
