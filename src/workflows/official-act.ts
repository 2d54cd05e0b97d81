import { allHandlersFinished, condition, patched, setHandler, sleep, workflowInfo } from "@temporalio/workflow";
import type { Card } from "../domain/card/card.js";
import type { FlowEnd } from "../domain/flow/lab256-steps.js";
import type { CommandEnvelope } from "../domain/permit/envelope.js";
import { lab256 } from "./activities.js";
import { CardApproval } from "./card-approval.js";
import { AwaitedCommand, type ReadyCommand, runCommand } from "./command-run.js";
import { Exclusive } from "./exclusive.js";
import { Flow } from "./flow.js";
import { type FlowState, stateQuery } from "./messages.js";

/** A card from its proposal on, or a command that enters at the later stage. */
export type OfficialActInput =
  | { readonly kind: "card"; readonly card: Card }
  | { readonly kind: "command"; readonly envelope: CommandEnvelope; readonly actor_id: string };

/**
 * One official act, from card to receipt: plan, policy, approvals until `decide_by`, permit, command, Runner, receipt, ledger. Its state
 * is read by the query `state`. Source: ADR-002 §2.
 */
export async function officialAct(input: OfficialActInput): Promise<FlowState> {
  const tenantId = input.kind === "card" ? input.card.tenant_id : input.envelope.tenant_id;
  const flow = new Flow(tenantId, input.kind === "card" ? input.card.card_id : null, input.kind === "card" ? "planning" : "running");
  setHandler(stateQuery, () => flow.state, { description: "Where the act stands" });
  if (input.kind === "card") await carryCard(flow, input.card);
  else await carryCommand(flow, input.envelope, input.actor_id);
  await condition(allHandlersFinished);
  return flow.state;
}

async function carryCommand(flow: Flow, envelope: CommandEnvelope, actorId: string): Promise<void> {
  flow.permit = envelope.permit;
  const accepted = await lab256.acceptCommand({ envelope, actor_id: actorId, workflow_id: workflowInfo().workflowId });
  if (!accepted.ok) {
    flow.end({ status: "denied", denial: accepted.denial });
    return;
  }
  flow.end(await runCommand(flow, new Exclusive(), { envelope, ...accepted.value }, actorId));
}

const ENDED_BY_MESSAGE: ReadonlySet<string> = new Set(["rejected", "withdrawn"]);

async function carryCard(flow: Flow, card: Card): Promise<void> {
  const exclusive = new Exclusive();
  const awaited = new AwaitedCommand(flow, exclusive);
  const approved = await new CardApproval(flow, card, exclusive).carryToPermit();
  const end = flow.end(await carryToEnd(flow, card, exclusive, approved, awaited));
  // Temporal has a message only once the task that took it is complete. Were the card closed in that very task, and the task lost with
  // worker and server, the ledger would have an end that the flow never heard of.
  if (ENDED_BY_MESSAGE.has(end.status) && patched("message-before-close"))
    await sleep(1, { summary: "what ended the card is kept before it closes" });
  await lab256.closeCard({ card, workflow_id: workflowInfo().workflowId, end });
}

async function carryToEnd(
  flow: Flow,
  card: Card,
  exclusive: Exclusive,
  approved: Awaited<ReturnType<CardApproval["carryToPermit"]>>,
  awaited: AwaitedCommand,
): Promise<FlowEnd> {
  if ("status" in approved) return approved;
  if (!approved.ok) return { status: "denied", denial: approved.denial };
  const { envelope } = approved.value;
  flow.permit = envelope.permit;
  if (card.run === "on_approval") return runApprovedCommand(flow, exclusive, approved.value, card.author.actor_id);
  flow.changeStatus("approved");
  const issued = await awaited.waitUntilRunBy({ tenant_id: card.tenant_id, jti: envelope.jti, card_id: card.card_id }, envelope.permit.exp);
  return "status" in issued ? issued : runApprovedCommand(flow, exclusive, issued, issued.actorId);
}

async function runApprovedCommand(flow: Flow, exclusive: Exclusive, command: ReadyCommand, actorId: string): Promise<FlowEnd> {
  flow.changeStatus("running");
  return runCommand(flow, exclusive, command, actorId);
}
