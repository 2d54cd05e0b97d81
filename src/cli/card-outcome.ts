import type { CardAnswer } from "../client/answers.js";
import { requireValue } from "../client/http/problem.js";
import type { CardAsk, RegistryClient } from "../client/http/registry-client.js";
import { waitForCardEnd, waitForCardToLeave } from "../client/waiting.js";
import { EXIT, toEndExitCode } from "./exit-codes.js";
import { followCard } from "./terminal/live.js";
import type { Output } from "./terminal/output.js";
import { withProgress } from "./terminal/progress.js";
import { formatCard } from "./terminal/text.js";
import { UnsuccessfulExit } from "./usage.js";

const PLAN_MS = 120_000;
const ACT_MS = 900_000;

/** The options of every command that opens a card. */
export interface CardOptions {
  readonly office: string;
  readonly intent?: string;
  readonly risk?: string;
  readonly wait?: boolean;
}

/** Opens a card, prints it with its plan, and with `wait` stays until it has come to its end. */
export async function proposeCard(client: RegistryClient, wanted: CardAsk, wait: boolean, out: Output): Promise<void> {
  const planned = await withProgress(out, async (step) => {
    step("opening the card");
    const opened = requireValue(await client.openCard(wanted));
    step("planning");
    const beyond = await waitForCardToLeave(client, opened.card_id, ["planning"], PLAN_MS);
    if (beyond.status === "awaiting_approval" || wait) return beyond;
    // A card that needs no decision runs at once; its end is near.
    step("running");
    return waitForCardEnd(client, opened.card_id, ACT_MS);
  });
  if (wait) return reportCardEnd(await showCardUntilEnd(client, planned, out), out);
  if (planned.status !== "awaiting_approval") return reportCardEnd(planned, out);
  out.print(planned, `${formatCard(planned)}\n\nApprove it with: ogr card approve ${planned.card_id}`);
}

/** Shows what a card waits for, and its states until its end, which it answers. */
export async function showCardUntilEnd(client: RegistryClient, planned: CardAnswer, out: Output): Promise<CardAnswer> {
  const { card_id } = planned;
  if (out.json) return waitForCardEnd(client, card_id, Math.max(ACT_MS, (planned.decide_by ?? 0) + ACT_MS - Date.now()));
  out.print(planned, `${formatCard(planned)}\n\nWaiting for its end; Ctrl-C stops the waiting and not the card.`);
  return followCard(client, card_id, out);
}

/** Prints a card that has come to its end. @throws Ended unless it succeeded */
export function reportCardEnd(card: CardAnswer, out: Output): void {
  out.print(card, formatCard(card));
  const exit = toEndExitCode(card.status, card.denial?.code);
  if (exit !== EXIT.ok) throw new UnsuccessfulExit(exit);
}
