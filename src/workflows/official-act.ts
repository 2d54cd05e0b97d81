import { allHandlersFinished, condition, patched, setHandler, sleep, workflowInfo } from "@temporalio/workflow";
import type { Card } from "../domain/card/card.js";
import type { FlowEnd } from "../domain/flow/lab256-steps.js";
import type { OfficialActInput, OpenRound } from "../domain/flow/official-act-input.js";
import type { CommandEnvelope } from "../domain/permit/envelope.js";
import { SerialQueue } from "../domain/serial-queue.js";
import { lab256 } from "./activities.js";
import { checkAttestation, judgeAttestation } from "./attestations.js";
import { AwaitedCommand } from "./awaited-command.js";
import { CardApproval } from "./card-approval.js";
import { askRunner, PulledCommand, type ReadyCommand, runCommand } from "./command-run.js";
import { Flow } from "./flow.js";
import {
  approvalsVoidedSignal,
  attestUpdate,
  decideSignal,
  decideUpdate,
  type FlowState,
  finishUpdate,
  issueUpdate,
  lookSignal,
  permitEndedSignal,
  refuseUpdate,
  rejectWith,
  stateQuery,
} from "./messages.js";

/**
 * One official act, from card to receipt: plan, policy, approvals until `decide_by`, permit, command, Runner, receipt, ledger. The query
 * `state` reads its state. Source: ADR-002 §2.
 */
export async function officialAct(input: OfficialActInput): Promise<FlowState> {
  const flow =
    input.kind === "card"
      ? new Flow(input.card.tenant_id, input.card.card_id, "planning")
      : new Flow(input.envelope.tenant_id, null, "running");
  setHandler(stateQuery, () => flow.state, { description: "The state of the act" });
  if (input.kind === "card") await carryCard(flow, input.card, input.resumed);
  else await carryCommand(flow, input.envelope, input.actor_id);
  await condition(allHandlersFinished);
  return flow.state;
}

async function carryCommand(flow: Flow, envelope: CommandEnvelope, actorId: string): Promise<void> {
  flow.permit = envelope.permit;
  const accepted = await lab256.acceptCommand({ envelope, actor_id: actorId, workflow_id: workflowInfo().workflowId });
  if (accepted.ok) flow.end(await runReadyCommand(flow, new SerialQueue(), { envelope, authority: null, ...accepted.value }, actorId));
  else flow.end({ status: "denied", denial: accepted.denial });
}

const ENDED_BY_MESSAGE: ReadonlySet<string> = new Set(["rejected", "withdrawn"]);

async function carryCard(flow: Flow, card: Card, resumed: OpenRound | undefined): Promise<void> {
  const queue = new SerialQueue();
  const awaited = new AwaitedCommand(flow, queue);
  const approval = new CardApproval(flow, card, queue, resumed);
  setHandler(permitEndedSignal, () => awaited.recordEndSignal());
  setHandler(issueUpdate, (envelope, actorId) => queue.run(() => awaited.takeCommand(envelope, actorId)), {
    description: "The command of an approved card",
  });
  setHandler(decideUpdate, (signed) => approval.decideInTurn(signed), {
    description: "Approve, reject or withdraw, by a signed statement",
    validator: (signed) => rejectWith(approval.checkStatement(signed)),
  });
  // A sender that cannot wait reads the outcome from the card.
  setHandler(decideSignal, async (signed) => void (await approval.decideInTurn(signed)), {
    description: "The same as `decide`, without an answer",
  });
  setHandler(attestUpdate, (attestation) => approval.judgeInTurn(() => judgeAttestation(flow, card, approval, attestation)), {
    description: "An attestation of the plan: an in-toto statement in a DSSE envelope",
    validator: (attestation) => rejectWith(checkAttestation(flow, approval, attestation)),
  });
  setHandler(approvalsVoidedSignal, () => approval.dropVoidApprovals());
  setHandler(lookSignal, () => approval.lookForChange());
  const end = flow.end(await carryToEnd(flow, card, queue, approval, awaited));
  // Temporal stores a message only when the task that handled it completes. If the card were closed in that same task and the task
  // were lost, the ledger would have an end that the flow does not know.
  if (ENDED_BY_MESSAGE.has(end.status) && patched("message-before-close"))
    await sleep(1, { summary: "Keeps the message that ended the card before the card closes" });
  await lab256.closeCard({ card, workflow_id: workflowInfo().workflowId, end });
}

async function carryToEnd(flow: Flow, card: Card, queue: SerialQueue, approval: CardApproval, awaited: AwaitedCommand): Promise<FlowEnd> {
  const approved = await approval.carryToPermit();
  if ("status" in approved) return approved;
  if (!approved.ok) return { status: "denied", denial: approved.denial };
  const { envelope, authority } = approved.value;
  flow.permit = envelope.permit;
  if (card.run === "on_approval") {
    flow.changeStatus("running");
    return runReadyCommand(flow, queue, approved.value, card.author.actor_id);
  }
  flow.changeStatus("approved");
  const issued = await awaited.waitUntilRunBy({ tenant_id: card.tenant_id, jti: envelope.jti, card_id: card.card_id }, envelope.permit.exp);
  if ("status" in issued) return issued;
  flow.changeStatus("running");
  return runReadyCommand(flow, queue, { ...issued, authority }, issued.actorId);
}

/** Runs a command on a Runner that polls Temporal, or on one that pulls over HTTP and answers by a message. */
function runReadyCommand(
  flow: Flow,
  queue: SerialQueue,
  { envelope, authority, transport }: ReadyCommand,
  actorId: string,
): Promise<FlowEnd> {
  const command = { envelope, actor_id: actorId, workflow_id: workflowInfo().workflowId };
  if (transport === "temporal") return runCommand(envelope, (round, waitMaxMs) => askRunner({ ...command, authority }, round, waitMaxMs));
  const pulled = new PulledCommand(flow, queue);
  // Receipts and refusals are separate messages and steps, because there are histories of flows that accepted only receipts.
  setHandler(finishUpdate, (receipt) => pulled.takeAnswer(() => lab256.acceptReceipt({ ...command, receipt })), {
    description: "The receipt of a Runner that pulls over HTTP",
  });
  setHandler(refuseUpdate, (refusal) => pulled.takeAnswer(() => lab256.acceptRefusal({ ...command, refusal })), {
    description: "The refusal of a Runner that pulls over HTTP",
  });
  return runCommand(envelope, (_round, waitMaxMs) => pulled.waitForAnswer(waitMaxMs));
}
