import { type CompletedAct, requireReceipt } from "../client/acting.js";
import type { CardAnswer } from "../client/answers.js";
import { submitDecision } from "../client/deciding.js";
import { RegistryFault, requireValue } from "../client/http/problem.js";
import type { CardAsk, RegistryClient } from "../client/http/registry-client.js";
import { waitForCardEnd, waitForCardToLeave, waitForCommandEnd } from "../client/waiting.js";
import type { Receipt } from "../domain/permit/receipt.js";
import type { PasskeyFile } from "../passkey/file.js";
import type { DemoStep } from "./report.js";

/** How long the demo waits for a plan, and for an act, in milliseconds. */
const PLAN_MS = 120_000;
export const ACT_MS = 180_000;

/** The approver, and their passkeys. */
export interface Approver {
  readonly client: RegistryClient;
  readonly office_id: string;
  readonly passkeys: PasskeyFile;
}

export interface CompletedCard {
  readonly opened: CardAnswer;
  readonly closed: CardAnswer;
  readonly receipt: Receipt;
}

/** Opens a card and waits for its plan. @throws RegistryFault if the card is denied */
export async function openPlannedCard(author: RegistryClient, wanted: CardAsk): Promise<CardAnswer> {
  const opened = requireValue(await author.openCard(wanted));
  const planned = await waitForCardToLeave(author, opened.card_id, ["planning"], PLAN_MS);
  if (planned.status === "denied") throw new RegistryFault(`The card ${planned.card_id} was denied: ${planned.denial?.message ?? ""}`);
  return planned;
}

/** Approves a card and waits for its receipt. */
export async function approveCard(card: CardAnswer, { client, office_id, passkeys }: Approver): Promise<CompletedCard> {
  const { card_id, plan_digest } = card;
  requireValue(await submitDecision(client, passkeys, { card_id, decision: "approve", office_id, plan_digest: plan_digest ?? undefined }));
  const closed = await waitForCardEnd(client, card_id, ACT_MS);
  if (closed.jti === null)
    throw new RegistryFault(`The card ${card_id} ended as ${closed.status}: ${closed.denial?.message ?? "without a permit"}`);
  const receipt = requireReceipt(await waitForCommandEnd(client, closed.jti, ACT_MS));
  return { opened: card, closed, receipt };
}

/** Returns a card's step in the report. */
export function toCardStep(step: string, text: string, { opened, closed, receipt }: CompletedCard): DemoStep {
  const approvals = (closed.statements ?? []).filter((one) => one.counts && one.decision === "approve");
  return {
    step,
    text,
    level: closed.level ?? undefined,
    decision: `approved by ${approvals.map((one) => `${one.approver} as ${one.office_id}`).join(" and ")}`,
    reasons: opened.reasons,
    ...(closed.jti === null || closed.run_by === null ? {} : { permit: { jti: closed.jti, exp: closed.run_by } }),
    card_id: closed.card_id,
    plan_digest: closed.plan_digest,
    workflow_id: closed.workflow_id,
    temporal_url: closed.temporal_url ?? null,
    receipt: toReceiptFacts(receipt),
  };
}

/** Returns the step of an act without a card. */
export function toDirectStep(step: string, text: string, { level, reasons, permit, command }: CompletedAct): DemoStep {
  return {
    step,
    text,
    level,
    decision: "allowed without approval",
    reasons,
    permit: { jti: permit.jti, exp: permit.exp },
    workflow_id: command.workflow_id,
    temporal_url: command.temporal_url ?? null,
    receipt: toReceiptFacts(requireReceipt(command)),
  };
}

function toReceiptFacts({ jti, status, logs_hash, refs }: Receipt): NonNullable<DemoStep["receipt"]> {
  return { jti, status, logs_hash, refs };
}
