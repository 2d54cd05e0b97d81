import { type FlowStatus, isFinalStatus } from "../domain/card/flow-status.js";
import type { CardAnswer, CommandAnswer } from "./answers.js";
import { RegistryFault, requireValue } from "./http/problem.js";
import type { RegistryClient } from "./http/registry-client.js";
import { IdlePlanes } from "./idle-planes.js";
import { isOver } from "./watching.js";

/** How long one request waits for a change: a new plan changes no status. */
const WAIT_MS = 5_000;

/** Waits until a command has ended. @throws Refused; RegistryFault after `timeoutMs` */
export function waitForCommandEnd(client: RegistryClient, jti: string, timeoutMs: number): Promise<CommandAnswer> {
  return waitUntilFound(client, timeoutMs, `command ${jti}`, `ogr command watch ${jti}`, async (waitMs) => {
    const command = requireValue(await client.readCommand(jti, waitMs));
    return isOver(command) ? command : undefined;
  });
}

/** Waits until a card has left these states. @throws Refused; RegistryFault after `timeoutMs` */
export function waitForCardToLeave(
  client: RegistryClient,
  cardId: string,
  states: readonly FlowStatus[],
  timeoutMs: number,
): Promise<CardAnswer> {
  return waitForCard(client, cardId, ({ status }) => !states.includes(status), timeoutMs);
}

/** Waits until a card has ended in any way. @throws Refused; RegistryFault after `timeoutMs` */
export function waitForCardEnd(client: RegistryClient, cardId: string, timeoutMs: number): Promise<CardAnswer> {
  return waitForCardToLeave(client, cardId, ["planning", "awaiting_approval", "approved", "running"], timeoutMs);
}

/**
 * Waits until the act of a completely approved card has ended, or the card waits for decisions again because its plan has changed.
 *
 * @throws Refused; RegistryFault after `timeoutMs`
 */
export function waitForApprovedAct(client: RegistryClient, cardId: string, timeoutMs: number): Promise<CardAnswer> {
  return waitForCard(client, cardId, (card) => isFinalStatus(card.status) || waitsForDecisions(card), timeoutMs);
}

/** Whether a card waits for people. A plan that is being made again may have nothing missing for a moment. */
export function waitsForDecisions({ status, missing, void_why }: CardAnswer): boolean {
  return status === "awaiting_approval" && (missing.length > 0 || typeof void_why === "string");
}

function waitForCard(
  client: RegistryClient,
  cardId: string,
  isWanted: (card: CardAnswer) => boolean,
  timeoutMs: number,
): Promise<CardAnswer> {
  let last: FlowStatus | undefined;
  return waitUntilFound(client, timeoutMs, `card ${cardId}`, `ogr card watch ${cardId}`, async (waitMs) => {
    const card = requireValue(await client.readCard(cardId, last === undefined ? {} : { wait_ms: waitMs, not_status: last }));
    last = card.status;
    return isWanted(card) ? card : undefined;
  });
}

async function waitUntilFound<T>(
  { connection }: RegistryClient,
  timeoutMs: number,
  what: string,
  follow: string,
  probe: (waitMs: number) => Promise<T | undefined>,
): Promise<T> {
  const idle = new IdlePlanes(connection);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const leftMs = Math.floor(deadline - performance.now());
    if (leftMs <= 0)
      throw new RegistryFault(
        `The ${what} has not ended after ${Math.round(timeoutMs / 1000)} s, and continues; follow it with: ${follow}`,
      );
    const found = await probe(Math.min(WAIT_MS, leftMs));
    if (found !== undefined) return found;
    await idle.look();
  }
}
