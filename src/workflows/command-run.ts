import { ActivityFailure, ApplicationFailure, TimeoutFailure } from "@temporalio/common";
import { condition, isCancellation } from "@temporalio/workflow";
import type { ActAuthority } from "../domain/card/authority.js";
import { buildDenial, type Outcome } from "../domain/denial.js";
import type { AcceptCommandInput, AcceptedCommand, FlowEnd } from "../domain/flow/lab256-steps.js";
import type { CommandEnvelope } from "../domain/permit/envelope.js";
import type { SerialQueue } from "../domain/serial-queue.js";
import { lab256, proxyRunner } from "./activities.js";
import type { Flow } from "./flow.js";
import type { MessageVerdict } from "./messages.js";

/** Added to a permit's wait, because the server's timer and the Runner's clock can differ. */
const CLOCK_TOLERANCE_MS = 100;

export const RUN_BY_PASSED = buildDenial(
  "run_by_passed",
  "The permit was not used until its `run_by`; open a new card or ask for a new permit.",
);

/** A command that can run, and the transport by which the tenant's Runner gets it. */
export type ReadyCommand = AcceptedCommand & { readonly envelope: CommandEnvelope; readonly authority: ActAuthority | null };

/** Sends the command to a Runner once. `round` counts from 1. */
type AskOnce = (round: number, waitMaxMs: number) => Promise<FlowEnd | "timed_out">;

/** Repeats `ask` until a Runner answers or the permit is ended unused. */
export async function runCommand(envelope: CommandEnvelope, ask: AskOnce): Promise<FlowEnd> {
  let waitMaxMs = envelope.permit.exp - Date.now() + CLOCK_TOLERANCE_MS;
  for (let round = 1; ; round += 1) {
    const end = await ask(round, Math.max(1, waitMaxMs));
    if (end !== "timed_out") return end;
    const { tenant_id, jti, permit } = envelope;
    const card_id = permit.scopes.approval_ref ?? null;
    const claim = await lab256.endPermit({ tenant_id, jti, card_id, end: "expired", reason: RUN_BY_PASSED.message });
    if (claim === "ended") return closeUnansweredCommand(envelope, { status: "expired", denial: RUN_BY_PASSED });
    // A Runner has won the claim, so there will be a receipt. Wait for it, however long it takes.
    waitMaxMs = permit.max_run_ms;
  }
}

/** Ends a command that has neither a receipt nor a refusal. */
async function closeUnansweredCommand(envelope: CommandEnvelope, end: FlowEnd): Promise<FlowEnd> {
  await lab256.closeCommand({ envelope, end });
  return end;
}

/** Sends the command to a Runner that polls Temporal, as an activity, which another Runner takes over if one dies. */
export async function askRunner(
  { authority, ...command }: AcceptCommandInput & Pick<ReadyCommand, "authority">,
  round: number,
  waitMaxMs: number,
): Promise<FlowEnd | "timed_out"> {
  const { envelope } = command;
  const runner = proxyRunner({ waitMaxMs, maxRunMs: envelope.permit.max_run_ms, activityId: `run-${round}` });
  try {
    const answer = await runner.runCommand({ envelope, authority, round });
    return await lab256.recordAnswer({ ...command, answer });
  } catch (error) {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    if (error.cause instanceof TimeoutFailure) return "timed_out";
    if (!(error.cause instanceof ApplicationFailure) || error.cause.nonRetryable !== true) throw error;
    return closeUnansweredCommand(envelope, { status: "denied", denial: buildDenial("envelope_invalid", error.cause.message) });
  }
}

/** A command that its Runner pulls over HTTP. The signed receipt or refusal arrives as a message. */
export class PulledCommand {
  private end: FlowEnd | null = null;

  constructor(
    private readonly flow: Flow,
    private readonly queue: SerialQueue,
  ) {}

  /** Handles one answer at a time. `accept` verifies and records it. */
  takeAnswer(accept: () => Promise<Outcome<FlowEnd | null>>): Promise<MessageVerdict> {
    return this.queue.run(async () => {
      if (this.end !== null) return this.flow.toVerdict(buildDenial("closed", "The command is finished; read its receipt."));
      const accepted = await accept();
      if (!accepted.ok) return this.flow.toVerdict(accepted.denial);
      this.end = accepted.value;
      return this.flow.toVerdict(null);
    });
  }

  async waitForAnswer(waitMaxMs: number): Promise<FlowEnd | "timed_out"> {
    await condition(() => this.end !== null, waitMaxMs, { summary: "run_by: no Runner has pulled the command" });
    return this.queue.run(async () => this.end ?? "timed_out");
  }
}
