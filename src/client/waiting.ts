import type { FlowStatus } from "../domain/card/flow-status.js";
import type { CardAnswer, CommandAnswer } from "./answers.js";
import { RegistryFault, required } from "./http/problem.js";
import type { RegistryClient } from "./http/registry-client.js";
import { isOver } from "./watching.js";

/** How long one question waits for a change, in milliseconds; the api's own limit. */
const WAIT_MS = 30_000;

/** Waits until a command has come to its end. @throws Refused; RegistryFault when `timeout_ms` pass first. */
export function commandEnd(client: RegistryClient, jti: string, timeout_ms: number): Promise<CommandAnswer> {
  return until(timeout_ms, `command ${jti}`, async (wait_ms) => {
    const command = required(await client.command(jti, wait_ms));
    return isOver(command) ? command : undefined;
  });
}

/** Waits until a card is no longer in one of these states. @throws Refused; RegistryFault when `timeout_ms` pass first. */
export function cardBeyond(client: RegistryClient, cardId: string, states: readonly FlowStatus[], timeout_ms: number): Promise<CardAnswer> {
  let last: FlowStatus | undefined;
  return until(timeout_ms, `card ${cardId}`, async (wait_ms) => {
    const card = required(await client.card(cardId, last === undefined ? {} : { wait_ms, not_status: last }));
    last = card.status;
    return states.includes(card.status) ? undefined : card;
  });
}

/** Waits until a card has come to its end, whatever it is. */
export function cardEnd(client: RegistryClient, cardId: string, timeout_ms: number): Promise<CardAnswer> {
  return cardBeyond(client, cardId, ["planning", "awaiting_approval", "approved", "running"], timeout_ms);
}

async function until<T>(timeout_ms: number, what: string, probe: (wait_ms: number) => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + timeout_ms;
  for (;;) {
    const left_ms = Math.floor(deadline - performance.now());
    if (left_ms <= 0)
      throw new RegistryFault(
        `The ${what} has not come to its end after ${Math.round(timeout_ms / 1000)} s; look at it in Temporal's UI, or ask again.`,
      );
    const found = await probe(Math.min(WAIT_MS, left_ms));
    if (found !== undefined) return found;
  }
}
