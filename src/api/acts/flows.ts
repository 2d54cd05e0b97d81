import { randomUUID } from "node:crypto";
import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type WorkflowStartOptions,
  WorkflowUpdateFailedError,
} from "@temporalio/client";
import { ApplicationFailure, type SignalDefinition } from "@temporalio/common";
import { summarizeJob } from "../../domain/act/job.js";
import { PREVIEW_MAX_MS } from "../../domain/act/preview-time.js";
import { LAB_256_QUEUE } from "../../domain/act/task-queue.js";
import { toActWorkflowId, toCardWorkflowId, toCharterEntryWorkflowId, toPreviewWorkflowId } from "../../domain/act/workflow-id.js";
import { hashCanonical } from "../../domain/bytes/canonical.js";
import type { ForeignEnvelope } from "../../domain/card/attestation.js";
import type { Card, ProposedAct } from "../../domain/card/card.js";
import type { SignedStatement } from "../../domain/card/statement.js";
import type { AppendedEntry } from "../../domain/charter/entry.js";
import { describeSentEntry, type SentEntry } from "../../domain/charter/recovery-request.js";
import { DENIAL_CODES, denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { WebhookRef } from "../../domain/flow/lab256-steps.js";
import type { PlannedAct } from "../../domain/flow/lab512-steps.js";
import type { CommandEnvelope } from "../../domain/permit/envelope.js";
import type { RunnerAnswer } from "../../domain/permit/receipt.js";
import type { CardRow } from "../../lab256/ledger/queries/cards.js";
import type { charterEntry } from "../../workflows/charter-entry.js";
import {
  attestUpdate,
  decideUpdate,
  type FlowState,
  finishUpdate,
  issueUpdate,
  lookSignal,
  type MessageVerdict,
  permitEndedSignal,
  refuseUpdate,
} from "../../workflows/messages.js";
import type { officialAct } from "../../workflows/official-act.js";
import type { planPreview } from "../../workflows/plan-preview.js";
import { type FlowAttributes, toSearchAttributes } from "../../workflows/search-attributes.js";
import { wakeWebhook } from "../../workflows/webhook-waking.js";
import type { Urls } from "../http/urls.js";
import type { Temporal } from "../temporal.js";

/** The time limit of a verdict, which needs a worker, in milliseconds. A later verdict can be read from the card. */
const VERDICT_MAX_MS = 10_000;

/** How long the caller waits for an entry of a charter to be appended, in milliseconds. */
const CHARTER_ENTRY_MAX_MS = 20_000;

/** A flow in Temporal: the caller's job id, and its end if it has ended. */
export interface StartedFlow {
  readonly jobId: string | null;
  readonly end: FlowState | null;
}

/** Starts official acts and sends messages to them. Temporal's refusals become values; its outages stay exceptions. */
export class Flows {
  constructor(
    private readonly temporal: Temporal,
    private readonly urls: Urls,
  ) {}

  async startCard(card: Card): Promise<void> {
    const { tenant_id, card_id, jobType, intent, author } = card;
    await this.startFlow({
      workflowId: toCardWorkflowId(tenant_id, card_id),
      args: [{ kind: "card", card }],
      memo: { jobId: card.jobId, status_url: this.urls.buildCardUrl(tenant_id, card_id) },
      staticSummary: summarizeJob(card),
      staticDetails: `Card ${card_id} by ${author.actor_id}: ${intent}`,
      attributes: { tenant: tenant_id, project: card.params.project_id, card: card_id, jobType, status: "planning" },
    });
  }

  /** Starts the act of a command without a card. Returns false if this `jti` was started before. */
  async startCommand(envelope: CommandEnvelope, actorId: string): Promise<boolean> {
    const { tenant_id, jti, jobId, jobType, params, permit } = envelope;
    try {
      await this.startFlow({
        workflowId: toActWorkflowId(tenant_id, jti),
        args: [{ kind: "command", envelope, actor_id: actorId }],
        memo: { jobId, status_url: this.urls.buildStatusUrl(tenant_id, jti) },
        staticSummary: summarizeJob(envelope),
        staticDetails: `Command ${jobId} by ${actorId} as ${envelope.office_id}, level ${permit.scopes.level}`,
        attributes: { tenant: tenant_id, project: params.project_id, jobType, level: permit.scopes.level, status: "running" },
      });
      return true;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
      throw error;
    }
  }

  /** Plans an act without recording it. A Runner must answer while the caller waits. */
  previewPlan(act: ProposedAct): Promise<Outcome<PlannedAct>> {
    const { tenant_id, jobType, params } = act;
    return this.temporal.callWithDeadline(
      () =>
        this.temporal.client.workflow.execute<typeof planPreview>("planPreview", {
          workflowId: toPreviewWorkflowId(tenant_id, randomUUID()),
          args: [act],
          taskQueue: LAB_256_QUEUE,
          workflowExecutionTimeout: 2 * PREVIEW_MAX_MS,
          staticSummary: `Plan only: ${summarizeJob(act)}`,
          typedSearchAttributes: toSearchAttributes({ tenant: tenant_id, project: params.project_id, jobType }),
          priority: { fairnessKey: tenant_id },
        }),
      PREVIEW_MAX_MS + VERDICT_MAX_MS,
    );
  }

  /** Appends what was signed to its charter. Continues without the caller if no Runner answers in time; a repeated call gets the result. */
  appendCharterEntry(sent: SentEntry): Promise<Outcome<AppendedEntry>> {
    const { tenant_id } = sent;
    return this.temporal.callWithDeadline(
      () =>
        this.temporal.client.workflow.execute<typeof charterEntry>("charterEntry", {
          workflowId: toCharterEntryWorkflowId(tenant_id, hashCanonical(sent)),
          workflowIdConflictPolicy: "USE_EXISTING",
          args: [sent],
          taskQueue: LAB_256_QUEUE,
          staticSummary: `The charter of ${tenant_id}: ${describeSentEntry(sent)}`,
          typedSearchAttributes: toSearchAttributes({ tenant: tenant_id }),
          priority: { fairnessKey: tenant_id },
        }),
      CHARTER_ENTRY_MAX_MS,
    );
  }

  /** Finds the flow of a command without a card; undefined if it was never started. */
  findStartedAct(tenantId: string, jti: string): Promise<StartedFlow | undefined> {
    return this.findStartedFlow(toActWorkflowId(tenantId, jti));
  }

  async hasStartedCard(tenantId: string, cardId: string): Promise<boolean> {
    return (await this.findStartedFlow(toCardWorkflowId(tenantId, cardId))) !== undefined;
  }

  /** A message that is sent again with the same update id gets the same answer, and the flow does not count it again. */
  sendStatement(tenantId: string, cardId: string, signed: SignedStatement, updateId: string): Promise<Outcome<MessageVerdict>> {
    const handle = this.temporal.client.workflow.getHandle(toCardWorkflowId(tenantId, cardId));
    return this.waitForVerdict(() => handle.executeUpdate(decideUpdate, { args: [signed], updateId }));
  }

  /** The update id contains the round, because a plan can return in a later one, where the same attestation counts again. */
  sendAttestation({ tenant_id, card_id, round }: CardRow, attestation: ForeignEnvelope): Promise<Outcome<MessageVerdict>> {
    const handle = this.temporal.client.workflow.getHandle(toCardWorkflowId(tenant_id, card_id));
    const updateId = hashCanonical({ round, attestation });
    return this.waitForVerdict(() => handle.executeUpdate(attestUpdate, { args: [attestation], updateId }));
  }

  /** Sends the command of an approved card. */
  sendCommand(envelope: CommandEnvelope, cardId: string, actorId: string): Promise<Outcome<MessageVerdict>> {
    const handle = this.temporal.client.workflow.getHandle(toCardWorkflowId(envelope.tenant_id, cardId));
    return this.waitForVerdict(() => handle.executeUpdate(issueUpdate, { args: [envelope, actorId] }));
  }

  /** Sends the answer of a runner that pulls over HTTP. The update has no id: an answer refused for an unknown key can count once the key is registered. */
  sendRunnerAnswer(workflowId: string, answer: RunnerAnswer): Promise<Outcome<MessageVerdict>> {
    const handle = this.temporal.client.workflow.getHandle(workflowId);
    return this.waitForVerdict(() =>
      answer.kind === "receipt"
        ? handle.executeUpdate(finishUpdate, { args: [answer.receipt] })
        : handle.executeUpdate(refuseUpdate, { args: [answer.refusal] }),
    );
  }

  /** Tells the card's flow that its permit has ended. An ended flow ignores it. */
  signalPermitEnded(tenantId: string, cardId: string): Promise<void> {
    return this.signalCard(tenantId, cardId, permitEndedSignal);
  }

  /** Tells the card's flow that somebody looks at the card, whose plan may have changed. An ended flow ignores it. */
  signalLook(tenantId: string, cardId: string): Promise<void> {
    return this.signalCard(tenantId, cardId, lookSignal);
  }

  private async signalCard(tenantId: string, cardId: string, signal: SignalDefinition<[]>): Promise<void> {
    const handle = this.temporal.client.workflow.getHandle(toCardWorkflowId(tenantId, cardId));
    try {
      await this.temporal.callWithDeadline(() => handle.signal(signal));
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }

  /** Tells a webhook's flow to look for events, and starts the flow if it does not run. */
  async deliverWebhook(ref: WebhookRef): Promise<void> {
    await this.temporal.callWithDeadline(() => wakeWebhook(this.temporal.client.workflow, ref));
  }

  private async startFlow(
    act: Pick<WorkflowStartOptions<typeof officialAct>, "workflowId" | "args" | "memo" | "staticSummary" | "staticDetails"> & {
      attributes: FlowAttributes;
    },
  ) {
    const { attributes, ...options } = act;
    await this.temporal.callWithDeadline(() =>
      this.temporal.client.workflow.start<typeof officialAct>("officialAct", {
        ...options,
        taskQueue: LAB_256_QUEUE,
        workflowIdReusePolicy: "REJECT_DUPLICATE",
        typedSearchAttributes: toSearchAttributes(attributes),
        priority: { fairnessKey: attributes.tenant },
      }),
    );
  }

  private async findStartedFlow(workflowId: string): Promise<StartedFlow | undefined> {
    const handle = this.temporal.client.workflow.getHandle<typeof officialAct>(workflowId);
    try {
      return await this.temporal.callWithDeadline(async () => {
        const { memo, status } = await handle.describe();
        const jobId = memo?.["jobId"];
        const end = status.name === "COMPLETED" ? await handle.result() : null;
        return { jobId: typeof jobId === "string" ? jobId : null, end };
      });
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  private async waitForVerdict(send: () => Promise<MessageVerdict>): Promise<Outcome<MessageVerdict>> {
    try {
      return grantValue(await this.temporal.callWithDeadline(send, VERDICT_MAX_MS));
    } catch (error) {
      const refusal = findUpdateRefusal(error);
      if (refusal === undefined) throw error;
      return refusal;
    }
  }
}

const CLOSED = denyWith("closed", "The act is over and takes no message; read its state.");

/** Reads the denial that a failed update carries as its type, or that the flow has ended. Returns undefined for other errors. */
function findUpdateRefusal(error: unknown): Outcome<never> | undefined {
  if (error instanceof WorkflowNotFoundError) return CLOSED;
  if (!(error instanceof WorkflowUpdateFailedError) || !(error.cause instanceof ApplicationFailure)) return undefined;
  const { type, message } = error.cause;
  if (type === "AcceptedUpdateCompletedWorkflow") return CLOSED;
  const code = DENIAL_CODES.find((known) => known === type);
  return code === undefined ? undefined : denyWith(code, message);
}
