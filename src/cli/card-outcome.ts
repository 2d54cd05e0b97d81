import type { CardAnswer } from "../client/answers.js";
import { required } from "../client/problem.js";
import type { CardAsk, RegistryClient } from "../client/registry-client.js";
import { cardBeyond, cardEnd } from "../client/waiting.js";
import { EXIT, exitOfEnd } from "./exit-codes.js";
import type { Output } from "./output.js";
import { cardText } from "./text.js";
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
  const opened = required(await client.openCard(wanted));
  const planned = await cardBeyond(client, opened.card_id, ["planning"], PLAN_MS);
  if (planned.status !== "awaiting_approval" && !wait) return concluded(await settled(client, planned), out);
  if (!wait) {
    out.print(planned, `${cardText(planned)}\n\nApprove it with: ogr card approve ${planned.card_id}`);
    return;
  }
  if (!out.json) out.print(planned, `${cardText(planned)}\n\nWaiting for its end …`);
  concluded(await cardEnd(client, planned.card_id, Math.max(ACT_MS, (planned.decide_by ?? 0) - Date.now())), out);
}

/** A card that needs no decision runs at once; its end is near. */
async function settled(client: RegistryClient, card: CardAnswer): Promise<CardAnswer> {
  return cardEnd(client, card.card_id, ACT_MS);
}

/** Prints a card that has come to its end. @throws Ended unless it succeeded */
export function concluded(card: CardAnswer, out: Output): void {
  out.print(card, cardText(card));
  const exit = exitOfEnd(card.status, card.denial?.code);
  if (exit !== EXIT.ok) throw new Ended(exit);
}
