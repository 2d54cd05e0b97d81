import type { ObjectStore } from "../../storage/ports.js";
import type { JobStep } from "../jobs/job.js";
import { assertClaimHeld, GhostAttempt, type HeldClaim } from "./claim-holding.js";
import type { RunnerDependencies } from "./dependencies.js";

/**
 * Below this pause no other attempt can have begun: a takeover takes 1,500 ms without a heartbeat, and the SDK passes heartbeats on only
 * every 1,200 ms (0.8 of that), so a pause of 300 ms can be enough.
 */
const PAUSE_MAX_MS = 250;

/** The job's `max_run` is over before anything became visible. */
export class RunTimeExceeded extends Error {
  override readonly name = "RunTimeExceeded";
}

/** One attempt at a claimed act: it may go on while it is not cancelled, still holds the claim and has time. */
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
    const left = Math.max(1, this.deadlineMs - this.deps.now());
    return AbortSignal.any([this.cancelled, AbortSignal.timeout(left)]);
  }

  /** Marks a step. Before the next side effect a frozen attempt that woke up finds out that it is a ghost. */
  async completeStep(name: JobStep): Promise<void> {
    await this.deps.onStep?.(this.held.claim.jti, name);
    if (this.cancelled.aborted) throw new GhostAttempt("This attempt was given up by whoever scheduled it.");
    // Taken before the look, so that a freeze during it counts too.
    const now = performance.now();
    if (now - this.lastSeenMs > PAUSE_MAX_MS) await this.assertHeld();
    this.lastSeenMs = now;
    if (this.isOutOfTime && isBeforeMove(name)) throw new RunTimeExceeded("The job's run time is over.");
  }

  /** @throws GhostAttempt when another attempt took the claim over. */
  assertHeld(): Promise<void> {
    return assertClaimHeld(this.store, this.held);
  }
}

/** Once refs have moved the act is done, however late; what follows is only written down. */
function isBeforeMove(step: JobStep): boolean {
  return step === "claimed" || step === "looked" || step === "fetched" || step === "checked" || step === "stored";
}
