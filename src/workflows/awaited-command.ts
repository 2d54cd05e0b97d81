import { condition, workflowInfo } from "@temporalio/workflow";
import { buildDenial } from "../domain/denial.js";
import type { FlowEnd } from "../domain/flow/lab256-steps.js";
import type { CommandEnvelope } from "../domain/permit/envelope.js";
import type { SerialQueue } from "../domain/serial-queue.js";
import { lab256 } from "./activities.js";
import { type ReadyCommand, RUN_BY_PASSED } from "./command-run.js";
import type { Flow } from "./flow.js";
import type { MessageVerdict } from "./messages.js";

const PERMIT_REVOKED: FlowEnd = { status: "denied", denial: buildDenial("permit_revoked", "The permit was ended before its command.") };
const USED_ELSEWHERE: FlowEnd = {
  status: "denied",
  denial: buildDenial("permit_used", "The permit was used by a command that this card did not issue."),
};

interface CardPermit {
  readonly tenant_id: string;
  readonly jti: string;
  readonly card_id: string;
}

type IssuedCommand = Omit<ReadyCommand, "authority"> & { readonly actorId: string };

/** The command of an approved card, which a client must issue before the permit ends. */
export class AwaitedCommand {
  private issued: IssuedCommand | null = null;
  private hasEndSignal = false;
  private isClosed = false;

  constructor(
    private readonly flow: Flow,
    private readonly queue: SerialQueue,
  ) {}

  recordEndSignal(): void {
    this.hasEndSignal = true;
  }

  async takeCommand(envelope: CommandEnvelope, actorId: string): Promise<MessageVerdict> {
    if (this.flow.status !== "approved" || this.issued !== null || this.isClosed)
      return this.flow.toVerdict(buildDenial("closed", "The card does not wait for a command; read its state."));
    if (envelope?.jti !== this.flow.permit?.jti)
      return this.flow.toVerdict(buildDenial("permit_mismatch", "The command is not by the permit of this card."));
    const accepted = await lab256.acceptCommand({ envelope, actor_id: actorId, workflow_id: workflowInfo().workflowId });
    if (!accepted.ok) return this.flow.toVerdict(accepted.denial);
    this.issued = { envelope, actorId, transport: accepted.value.transport };
    return this.flow.toVerdict(null);
  }

  async waitUntilRunBy(permit: CardPermit, runBy: number): Promise<IssuedCommand | FlowEnd> {
    for (;;) {
      const left = Math.max(1, runBy - Date.now());
      await condition(() => this.issued !== null || this.hasEndSignal, left, { summary: "run_by: the permit expires unused" });
      const result = await this.queue.run(() => this.checkPermit(permit, runBy));
      if (result !== undefined) return result;
    }
  }

  /** Checks the state of the permit. The signal that it ended is not trusted: the claim is read. */
  private async checkPermit(permit: CardPermit, runBy: number): Promise<IssuedCommand | FlowEnd | undefined> {
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
