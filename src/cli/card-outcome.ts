import type { CardAnswer } from "../client/answers.js";
import { required } from "../client/http/problem.js";
import type { CardAsk, RegistryClient } from "../client/http/registry-client.js";
import { cardBeyond, cardEnd } from "../client/waiting.js";
import { EXIT, exitOfEnd } from "./exit-codes.js";
import { liveCard } from "./terminal/live.js";
import type { Output } from "./terminal/output.js";
import { withProgress } from "./terminal/progress.js";
import { cardText } from "./terminal/text.js";
import { Ended } from "./usage.js";

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
    const opened = required(await client.openCard(wanted));
    step("planning");
    const beyond = await cardBeyond(client, opened.card_id, ["planning"], PLAN_MS);
    if (beyond.status === "awaiting_approval" || wait) return beyond;
    // A card that needs no decision runs at once; its end is near.
    step("running");
    return cardEnd(client, opened.card_id, ACT_MS);
  });
  if (wait) return concluded(await awaited(client, planned, out), out);
  if (planned.status !== "awaiting_approval") return concluded(planned, out);
  out.print(planned, `${cardText(planned)}\n\nApprove it with: ogr card approve ${planned.card_id}`);
}

/** Shows what a card waits for, and its states until its end, which it answers. */
export async function awaited(client: RegistryClient, planned: CardAnswer, out: Output): Promise<CardAnswer> {
  const { card_id } = planned;
  if (out.json) return cardEnd(client, card_id, Math.max(ACT_MS, (planned.decide_by ?? 0) + ACT_MS - Date.now()));
  out.print(planned, `${cardText(planned)}\n\nWaiting for its end; Ctrl-C stops the waiting and not the card.`);
  return liveCard(client, card_id, out);
}

/** Prints a card that has come to its end. @throws Ended unless it succeeded */
export function concluded(card: CardAnswer, out: Output): void {
  out.print(card, cardText(card));
  const exit = exitOfEnd(card.status, card.denial?.code);
  if (exit !== EXIT.ok) throw new Ended(exit);
}
