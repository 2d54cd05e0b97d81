import { ActivityFailure, ApplicationFailure, TimeoutFailure } from "@temporalio/common";
import { condition, isCancellation, setHandler, workflowInfo } from "@temporalio/workflow";
import { buildDenial, type Outcome } from "../domain/denial.js";
import type { AcceptedCommand, FlowEnd } from "../domain/flow/lab256-steps.js";
import type { CommandEnvelope } from "../domain/permit/envelope.js";
import { lab256, proxyRunner } from "./activities.js";
import type { Exclusive } from "./exclusive.js";
import type { Flow } from "./flow.js";
import { finishUpdate, issueUpdate, type MessageVerdict, permitEndedSignal, refuseUpdate } from "./messages.js";

/** Room that a permit's wait has before the server's timer and the Runner's clock can disagree. */
const CLOCK_ROOM_MS = 100;

const RUN_BY_PASSED = buildDenial("run_by_passed", "The permit was not used until its `run_by`; open a new card or ask for a new permit.");

const PERMIT_REVOKED: FlowEnd = { status: "denied", denial: buildDenial("permit_revoked", "The permit was ended before its command.") };
const USED_ELSEWHERE: FlowEnd = {
  status: "denied",
  denial: buildDenial("permit_used", "The permit was used by a command that this card did not issue."),
};

/** A command that may run, and how its tenant's Runner gets it. */
export type ReadyCommand = AcceptedCommand & { readonly envelope: CommandEnvelope };

type IssuedCommand = ReadyCommand & { readonly actorId: string };

/** Waits until a client issues the command of an approved card, or the permit ends. */
export class AwaitedCommand {
  private issued: IssuedCommand | null = null;
  private hasEndSignal = false;
  private isClosed = false;

  constructor(
    private readonly flow: Flow,
    private readonly exclusive: Exclusive,
  ) {
    setHandler(permitEndedSignal, () => {
      this.hasEndSignal = true;
    });
    setHandler(issueUpdate, (envelope, actorId) => this.exclusive.run(() => this.takeCommand(envelope, actorId)), {
      description: "The command of an approved card",
    });
  }

  private async takeCommand(envelope: CommandEnvelope, actorId: string): Promise<MessageVerdict> {
    if (this.flow.status !== "approved" || this.issued !== null || this.isClosed)
      return this.flow.toVerdict(buildDenial("closed", "The card does not wait for a command; read its state."));
    if (envelope?.jti !== this.flow.permit?.jti)
      return this.flow.toVerdict(buildDenial("permit_mismatch", "The command is not by the permit of this card."));
    const accepted = await lab256.acceptCommand({ envelope, actor_id: actorId, workflow_id: workflowInfo().workflowId });
    if (!accepted.ok) return this.flow.toVerdict(accepted.denial);
    this.issued = { envelope, actorId, transport: accepted.value.transport };
    return this.flow.toVerdict(null);
  }

  async waitUntilRunBy(permit: { tenant_id: string; jti: string; card_id: string }, runBy: number): Promise<IssuedCommand | FlowEnd> {
    for (;;) {
      const left = Math.max(1, runBy - Date.now());
      await condition(() => this.issued !== null || this.hasEndSignal, left, { summary: "run_by: the permit expires unused" });
      const result = await this.exclusive.run(() => this.checkPermit(permit, runBy));
      if (result !== undefined) return result;
    }
  }

  /** Where the permit stands. Whoever says that it ended is not believed: the claim is read. */
  private async checkPermit(
    permit: { tenant_id: string; jti: string; card_id: string },
    runBy: number,
  ): Promise<IssuedCommand | FlowEnd | undefined> {
    if (this.issued !== null) return this.issued;
    this.hasEndSignal = false;
    if (Date.now() < runBy) {
      const claim = await lab256.permitClaim(permit);
      if (claim === "free") return undefined;
      this.isClosed = true;
      return claim === "ended" ? PERMIT_REVOKED : USED_ELSEWHERE;
    }
    this.isClosed = true;
    const end = await lab256.endPermit({ ...permit, end: "expired", reason: RUN_BY_PASSED.message });
    return end === "ended" ? { status: "expired", denial: RUN_BY_PASSED } : USED_ELSEWHERE;
  }
}

/** Has a Runner run an accepted command, whatever becomes of Runners meanwhile, and records what it answered. */
export async function runCommand(flow: Flow, exclusive: Exclusive, command: ReadyCommand, actorId: string): Promise<FlowEnd> {
  const { envelope } = command;
  const ask = command.transport === "pull" ? createPullAsk(flow, exclusive, envelope, actorId) : createTemporalAsk(flow, envelope, actorId);
  let waitsMaxMs = envelope.permit.exp - Date.now() + CLOCK_ROOM_MS;
  for (let round = 1; ; round += 1) {
    const end = await ask(round, Math.max(1, waitsMaxMs));
    if (end !== "timed_out") return end;
    const { tenant_id, jti, permit } = envelope;
    const card_id = permit.scopes.approval_ref ?? null;
    const claim = await lab256.endPermit({ tenant_id, jti, card_id, end: "expired", reason: RUN_BY_PASSED.message });
    if (claim === "ended") return closeUnansweredCommand(envelope, { status: "expired", denial: RUN_BY_PASSED });
    // A Runner has won the claim, so there will be a receipt: wait for it as long as it takes.
    waitsMaxMs = envelope.permit.max_run_ms;
  }
}

type AskOnce = (round: number, waitsMaxMs: number) => Promise<FlowEnd | "timed_out">;

/** Ends a command that has no receipt and no refusal. */
async function closeUnansweredCommand(envelope: CommandEnvelope, end: FlowEnd): Promise<FlowEnd> {
  await lab256.closeCommand({ envelope, end });
  return end;
}

/** The Runner polls Temporal: the command is an activity, which another Runner takes over when one dies. */
function createTemporalAsk(flow: Flow, envelope: CommandEnvelope, actorId: string): AskOnce {
  return async (round, waitsMaxMs) => {
    const runner = proxyRunner({ waitMaxMs: waitsMaxMs, maxRunMs: envelope.permit.max_run_ms, activityId: `run-${round}` });
    try {
      const answer = await runner.runCommand({ envelope, statements: flow.statements, round });
      return await lab256.recordAnswer({ envelope, actor_id: actorId, workflow_id: workflowInfo().workflowId, answer });
    } catch (error) {
      if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
      if (error.cause instanceof TimeoutFailure) return "timed_out";
      if (!(error.cause instanceof ApplicationFailure) || error.cause.nonRetryable !== true) throw error;
      return closeUnansweredCommand(envelope, { status: "denied", denial: buildDenial("envelope_invalid", error.cause.message) });
    }
  };
}

/** The Runner pulls over HTTP: its signed receipt or refusal comes as a message. */
function createPullAsk(flow: Flow, exclusive: Exclusive, envelope: CommandEnvelope, actorId: string): AskOnce {
  let end: FlowEnd | null = null;
  const command = { envelope, actor_id: actorId, workflow_id: workflowInfo().workflowId };
  const takeAnswer = (accept: () => Promise<Outcome<FlowEnd | null>>) =>
    exclusive.run(async () => {
      if (end !== null) return flow.toVerdict(buildDenial("closed", "The command is finished; read its receipt."));
      const accepted = await accept();
      if (!accepted.ok) return flow.toVerdict(accepted.denial);
      end = accepted.value;
      return flow.toVerdict(null);
    });
  // Two messages and two steps, so that a flow from the time when only receipts were taken goes on as it began.
  setHandler(finishUpdate, (receipt) => takeAnswer(() => lab256.acceptReceipt({ ...command, receipt })), {
    description: "The receipt of a Runner that pulls over HTTP",
  });
  setHandler(refuseUpdate, (refusal) => takeAnswer(() => lab256.acceptRefusal({ ...command, refusal })), {
    description: "The refusal of a Runner that pulls over HTTP",
  });
  return async (_round, waitsMaxMs) => {
    await condition(() => end !== null, waitsMaxMs, { summary: "run_by: no Runner has pulled the command" });
    return exclusive.run(async () => end ?? "timed_out");
  };
}
