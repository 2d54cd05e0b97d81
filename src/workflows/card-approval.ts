import { allHandlersFinished, CancellationScope, condition, continueAsNew, workflowInfo } from "@temporalio/workflow";
import type { Card } from "../domain/card/card.js";
import { toCardEnd } from "../domain/card/card-end.js";
import type { MissingRequirement } from "../domain/card/requirement.js";
import type { SignedStatement } from "../domain/card/statement.js";
import { buildDenial, type Denial, type Outcome } from "../domain/denial.js";
import { type AdmittedStatement, type FlowEnd, OUTDATES_PLAN } from "../domain/flow/lab256-steps.js";
import type { PlannedAct } from "../domain/flow/lab512-steps.js";
import type { OfficialActInput, OpenRound } from "../domain/flow/official-act-input.js";
import type { SerialQueue } from "../domain/serial-queue.js";
import { lab256, planInTime, planner } from "./activities.js";
import { CLOSED, type DecidableRound } from "./attestations.js";
import type { ReadyCommand } from "./command-run.js";
import type { Flow } from "./flow.js";
import type { MessageVerdict } from "./messages.js";

/** The number of messages in one run of a flow. Temporal keeps at most 2,000 updates of a run. */
const MESSAGES_MAX = 50;

/** How often a plan is recomputed because the policy or infra context has changed meanwhile. */
const OUTDATED_PLANS_MAX = 5;

const UNDECIDED: FlowEnd = {
  status: "expired",
  denial: buildDenial("decide_by_passed", "Nobody decided in time; open a new card."),
};

type SettledRound = Outcome<ReadyCommand> | FlowEnd | { readonly next: Outcome<PlannedAct> | null };

/** Carries a card from proposal to permit: plan, policy, statements and attestations until `decide_by`. */
export class CardApproval implements DecidableRound {
  /** Becomes false in the same task that settles the round. */
  isOpen = false;
  private ending: FlowEnd | null = null;
  /** Why the plan of this round no longer holds. The card gets a new one, because somebody looked or decided. */
  private outdated: string | null = null;
  private completedAt = 0;
  private messages = 0;

  constructor(
    private readonly flow: Flow,
    private readonly card: Card,
    private readonly queue: SerialQueue,
    private readonly resumed?: OpenRound,
  ) {
    if (resumed === undefined) return;
    flow.resumeRound(resumed, `${card.jobType} of ${card.params.project_id}: ${card.intent}`);
    this.isOpen = true;
    this.completedAt = resumed.completed_at;
  }

  /**
   * Judges one message at a time. One that counts for a plan waits while the flow is planning, because the ledger can show a plan before
   * the flow has it, and a decision on that plan is not too early.
   */
  async judgeInTurn(judge: () => Promise<MessageVerdict>): Promise<MessageVerdict> {
    await condition(() => this.flow.status !== "planning" || this.ending !== null);
    return this.runInTurn(judge);
  }

  private runInTurn<T>(judge: () => Promise<T>): Promise<T> {
    this.messages += 1;
    return this.queue.run(judge);
  }

  /** Judges a statement in its turn. A rejection or withdrawal does not wait for a plan. */
  decideInTurn(signed: SignedStatement): Promise<MessageVerdict> {
    const judge = () => this.judgeStatement(signed);
    return signed?.statement?.decision === "approve" ? this.judgeInTurn(judge) : this.runInTurn(judge);
  }

  /** Carries the card to a command that can run, or to its end without one. */
  async carryToPermit(): Promise<Outcome<ReadyCommand> | FlowEnd> {
    let planned: Outcome<PlannedAct> | null;
    if (this.resumed === undefined) {
      const opened = await lab256.openCard({ card: this.card, workflow_id: workflowInfo().workflowId });
      if (!opened.ok) return this.ending ?? { status: "denied", denial: opened.denial, reasons: opened.reasons };
      planned = await this.requestPlan();
    } else {
      const settled = await this.settleRound(this.resumed.planned, this.resumed.decided.decide_by);
      if (!("next" in settled)) return settled;
      planned = settled.next;
    }
    for (let outdated = 0; ; ) {
      if (planned === null) return this.requireEnding();
      if (!planned.ok) return { status: "denied", denial: planned.denial };
      const decided = await lab256.decidePlan({
        card: this.card,
        round: this.flow.round + 1,
        planned: planned.value,
      });
      // A rejection or withdrawal may be judged at the same time, and has precedence.
      await this.queue.run(async () => undefined);
      if (this.ending !== null) return this.ending;
      if (!decided.ok && OUTDATES_PLAN.has(decided.denial.code) && outdated < OUTDATED_PLANS_MAX) {
        outdated += 1;
        planned = await this.requestPlan();
        continue;
      }
      if (!decided.ok) return { status: "denied", denial: decided.denial, reasons: decided.reasons };
      this.flow.beginRound(planned.value, decided.value);
      this.outdated = null;
      this.isOpen = true;
      this.completedAt = Date.now();
      const settled = await this.settleRound(planned.value, decided.value.decide_by);
      if (!("next" in settled)) return settled;
      planned = settled.next;
    }
  }

  /** Returns null if a message ends the card first. */
  private async requestPlan(): Promise<Outcome<PlannedAct> | null> {
    const scope = new CancellationScope();
    const planning = scope.run(() => planInTime(planner, this.card, "Open a new card once one is free."));
    const planned = await Promise.race([planning, condition(() => this.ending !== null).then(() => null)]);
    if (planned !== null) return planned;
    scope.cancel();
    // What becomes of a plan that nobody needs any more changes nothing.
    await planning.catch(() => undefined);
    return null;
  }

  private requireEnding(): FlowEnd {
    if (this.ending === null) throw new Error("The card has no plan, and nothing has ended it; this is a defect of the flow.");
    return this.ending;
  }

  /** Waits until the plan is approved, refused or out of time. `next` is a plan that replaces it. */
  private async settleRound(planned: PlannedAct, decideBy: number): Promise<SettledRound> {
    try {
      return await this.settleOpenRound(planned, decideBy);
    } finally {
      this.isOpen = false;
    }
  }

  private async settleOpenRound(planned: PlannedAct, decideBy: number): Promise<SettledRound> {
    const isSettled = () => this.ending !== null || this.outdated !== null || this.flow.missing.length === 0;
    const isFull = () => this.messages >= MESSAGES_MAX || workflowInfo().continueAsNewSuggested;
    for (;;) {
      const inTime =
        isSettled() ||
        (await condition(() => isSettled() || isFull(), Math.max(1, decideBy - Date.now()), {
          summary: "decide_by: the card expires undecided",
        }));
      if (inTime && !isSettled()) {
        await condition(allHandlersFinished);
        if (!isSettled()) await this.continueInNewRun();
        continue;
      }
      // A verification that began in time may still be running, and its verdict has precedence.
      if (!inTime) await this.queue.run(async () => undefined);
      if (this.ending !== null) return this.ending;
      if (this.outdated !== null) {
        if (Date.now() >= decideBy) return UNDECIDED;
        if (!(await this.queue.run(() => this.closeOutdatedRound()))) continue;
        return { next: await this.requestPlan() };
      }
      if (this.flow.missing.length > 0) {
        if (inTime) continue;
        return UNDECIDED;
      }
      const replanned = await this.requestPlan();
      const result = await this.queue.run(async () => {
        if (replanned === null || this.ending !== null || this.outdated !== null || this.flow.missing.length > 0) return undefined;
        // Also closes the round to messages that are queued after this task.
        this.isOpen = false;
        if (!replanned.ok || replanned.value.plan_digest !== planned.plan_digest) {
          await this.voidApprovals(describeChange(planned, replanned));
          return { next: replanned };
        }
        const issued = await lab256.issuePermit({
          card: this.card,
          planned,
          workflow_id: workflowInfo().workflowId,
          approved_at: this.completedAt,
        });
        if (issued.ok || !OUTDATES_PLAN.has(issued.denial.code)) return issued;
        // The ledger got the change after the plan was made again.
        this.outdated = issued.denial.message;
        return undefined;
      });
      if (result !== undefined) return result;
    }
  }

  /** Continues in a new run, so that no number of messages can exhaust the flow. */
  private continueInNewRun(): Promise<never> {
    const { round, planned, approvals, attestations, missing } = this.flow;
    if (planned === null) throw new Error("The card has no plan to wait for; this is a defect of the flow.");
    const resumed: OpenRound = {
      ...{ round, planned, decided: this.requireDecided(), approvals, attestations, missing },
      completed_at: this.completedAt,
    };
    return continueAsNew<(input: OfficialActInput) => Promise<unknown>>({ kind: "card", card: this.card, resumed });
  }

  /** Closes the round to messages, which wait for the next plan. Returns false if a message has ended the card meanwhile. */
  private async closeOutdatedRound(): Promise<boolean> {
    if (this.ending !== null) return false;
    this.isOpen = false;
    this.flow.changeStatus("planning");
    await this.voidApprovals(this.outdated ?? "");
    return true;
  }

  private async voidApprovals(why: string): Promise<void> {
    await lab256.voidApprovals({ card: this.card, round: this.flow.round, why });
    this.dropApprovals();
  }

  private dropApprovals(): void {
    this.flow.approvals = [];
    this.flow.attestations = [];
    this.flow.missing = this.requireDecided().missing;
    this.flow.describe();
  }

  /** Drops the approvals if the ledger says that the round has ended. Plans nothing: somebody may never look at the card again. */
  dropVoidApprovals(): Promise<void> {
    return this.checkInTurn(() => this.dropApprovals());
  }

  /** Lets the card get a new plan if its plan has changed. One look follows another, so that the card is planned once. */
  lookForChange(): Promise<void> {
    return this.checkInTurn((why) => {
      this.outdated = why;
    });
  }

  private async checkInTurn(ifOutdated: (why: string) => void): Promise<void> {
    await this.runInTurn(async () => {
      const { planned } = this.flow;
      if (!this.isOpen || this.outdated !== null || planned === null) return;
      const current = await lab256.checkPlan({ card: this.card, planned });
      if (!current.ok && this.isOpen) ifOutdated(current.denial.message);
    });
  }

  private requireDecided() {
    const { decided } = this.flow;
    if (decided === null) throw new Error("The card was settled before the policy was asked; this is a defect of the flow.");
    return decided;
  }

  checkStatement(signed: SignedStatement): Denial | null {
    if (typeof signed?.statement?.decision !== "string") return buildDenial("statement_invalid", "The message is no signed statement.");
    return this.flow.status === "planning" ? null : this.checkOpen();
  }

  /** Uses the time at which the message is processed, so an outage past `decide_by` leads to a denial. */
  checkOpen(): Denial | null {
    if (!this.isOpen) return CLOSED;
    if (Date.now() >= this.requireDecided().decide_by)
      return buildDenial("decide_by_passed", "The time to decide is over; an outage across it refuses. Open a new card.");
    return null;
  }

  async judgeStatement(signed: SignedStatement): Promise<MessageVerdict> {
    const before = this.checkStatement(signed);
    if (before !== null) return this.flow.toVerdict(before);
    const { approvals, attestations } = this.flow;
    const planned = this.flow.status === "planning" ? null : this.flow.planned;
    const admitted = await lab256.admitStatement({
      card: this.card,
      signed,
      planned,
      approvals,
      attestations,
      at_ms: Date.now(),
    });
    if (!admitted.ok) return this.refuseMessage(admitted.denial);
    // The round may have closed while the statement was verified.
    if (planned !== null && !this.isOpen) return this.flow.toVerdict(CLOSED);
    this.applyStatement(admitted.value, planned !== null);
    return this.flow.toVerdict(null);
  }

  /** Refuses a message. If the plan has changed, the card gets a new one, because somebody decides. */
  refuseMessage(denial: Denial): MessageVerdict {
    if (OUTDATES_PLAN.has(denial.code)) this.outdated ??= denial.message;
    return this.flow.toVerdict(denial);
  }

  private applyStatement(admitted: AdmittedStatement, hadPlan: boolean): void {
    const { approver } = admitted.signed.statement;
    this.ending ??= toCardEnd(admitted.decision, approver, admitted) ?? null;
    if (this.ending !== null) this.isOpen = false;
    else if (hadPlan) {
      this.flow.approvals = admitted.approvals;
      this.updateMissing(admitted.missing);
    }
  }

  updateMissing(missing: readonly MissingRequirement[]): void {
    this.flow.missing = missing;
    if (missing.length === 0) this.completedAt = Date.now();
    this.flow.describe();
  }
}

function describeChange(old: PlannedAct, replanned: Outcome<PlannedAct>): string {
  if (!replanned.ok) return `The plan can no longer be made (${replanned.denial.message}).`;
  return `The plan changed from ${old.plan_digest} to ${replanned.value.plan_digest}${formatInfraChange(old, replanned.value)}.`;
}

/** Describes the most frequent change that the plan's refs do not show. */
function formatInfraChange(old: PlannedAct, next: PlannedAct): string {
  const [before, after] = [old.plan.basis.infra, next.plan.basis.infra].map((infra) => JSON.stringify(infra));
  return before === after ? "" : `, because the project's infra context changed from ${before} to ${after}`;
}
