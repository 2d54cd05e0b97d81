import type { CardAnswer, CommandAnswer } from "../client/answers.js";
import { requireValue } from "../client/http/problem.js";
import type { CardAsk, RegistryClient } from "../client/http/registry-client.js";
import { waitForCardEnd, waitForCardToLeave } from "../client/waiting.js";
import { EXIT, toEndExitCode } from "./exit-codes.js";
import { UnsuccessfulExit } from "./failure.js";
import { followCard } from "./terminal/live.js";
import type { Output } from "./terminal/output.js";
import { withProgress } from "./terminal/progress.js";
import { formatCard, formatCommand } from "./terminal/text.js";

const PLAN_MAX_MS = 120_000;
/** The longest wait for an act whose approvals are complete. */
export const ACT_MAX_MS = 900_000;

/** Opens a card and prints it with its plan. With `wait`, follows the card to its end. */
export async function proposeCard(client: RegistryClient, wanted: CardAsk, wait: boolean, out: Output): Promise<void> {
  const planned = await withProgress(out, "opening the card", async (step) => {
    const opened = requireValue(await client.openCard(wanted));
    step("planning");
    const beyond = await waitForCardToLeave(client, opened.card_id, ["planning"], PLAN_MAX_MS);
    if (beyond.status === "awaiting_approval" || wait) return beyond;
    // A card that needs no decision runs at once, so its end is near.
    step("running");
    return waitForCardEnd(client, opened.card_id, ACT_MAX_MS);
  });
  if (wait) return reportCardEnd(await showCardUntilEnd(client, planned, out), out);
  if (planned.status !== "awaiting_approval") return reportCardEnd(planned, out);
  out.print(planned, `${formatCard(planned)}\n\n${formatNextStep(planned)}`);
}

/** Says what the author of a card can do for it. Authors rarely count as approvers. */
function formatNextStep({ card_id, status, reasons, missing }: CardAnswer): string {
  if (status !== "awaiting_approval") return "";
  if (reasons.some(({ rule }) => rule === "card.incompletable"))
    return `As things are it can only expire. Withdraw it with: ogr card withdraw ${card_id}`;
  const kinds = new Set(missing.map(({ requirement }) => requirement?.kind));
  const lines = kinds.has("attestation") ? [`Its attestation is submitted with: ogr card attest ${card_id} --file FILE`] : [];
  if (kinds.has("approvals")) lines.push(`Whoever can approve it runs: ogr card approve ${card_id}`);
  return lines.join("\n");
}

/** Shows what a card waits for and each of its states. Returns the card at its end. */
export async function showCardUntilEnd(client: RegistryClient, planned: CardAnswer, out: Output): Promise<CardAnswer> {
  const { card_id } = planned;
  if (out.json) return waitForCardEnd(client, card_id, Math.max(ACT_MAX_MS, (planned.decide_by ?? 0) + ACT_MAX_MS - Date.now()));
  out.print(
    planned,
    `${formatCard(planned)}\n\n${`${formatNextStep(planned)}\n`.trimStart()}Waiting for its end. Ctrl-C stops waiting; the card continues.`,
  );
  return followCard(client, card_id, out);
}

/** Prints a card that has ended. @throws UnsuccessfulExit unless it succeeded */
export function reportCardEnd(card: CardAnswer, out: Output): void {
  out.print(card, formatCard(card));
  throwUnlessOk(toEndExitCode(card.status, card.denial?.code));
}

/** Prints a command that has ended. @throws UnsuccessfulExit unless it succeeded */
export function reportCommandEnd(command: CommandAnswer, out: Output, more: readonly string[] = []): void {
  out.print(command, [formatCommand(command), ...more].join("\n"));
  throwUnlessOk(toEndExitCode(command.status, command.denial?.code ?? command.receipt?.code));
}

/** @throws UnsuccessfulExit */
export function throwUnlessOk(exit: ReturnType<typeof toEndExitCode>): void {
  if (exit !== EXIT.ok) throw new UnsuccessfulExit(exit);
}
