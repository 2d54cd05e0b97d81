import { setTimeout as sleep } from "node:timers/promises";
import { isFinalStatus } from "../domain/card/flow-status.js";
import type { CardAnswer, CommandAnswer } from "./answers.js";
import { type Answer, RegistryFault, requireValue } from "./http/problem.js";
import type { RegistryClient } from "./http/registry-client.js";
import { IdlePlanes } from "./idle-planes.js";

/** How often to read a card again: a statement changes no status. */
const LOOK_MS = 3_000;
/** How long one request waits for the end of a command. */
const WAIT_MS = 5_000;
/** The longest outage to wait out. */
const OUTAGE_MAX_MS = 300_000;
const RETRY_MS = 1_000;

export interface Watcher<T> {
  /** Called first, and then after every change. */
  onChange(seen: T): void;
  /** Called once for each outage; the registry is asked again. */
  onOutage(why: string): void;
}

/** Watches a card until its end. @throws Refused; RegistryFault after a long outage */
export function watchCard(client: RegistryClient, cardId: string, watcher: Watcher<CardAnswer>): Promise<CardAnswer> {
  const askCard = (last?: CardAnswer) => client.readCard(cardId, last === undefined ? {} : { wait_ms: LOOK_MS, not_status: last.status });
  return watchFlow(client, askCard, ({ status }) => isFinalStatus(status), watcher);
}

/** Watches a command until its end. @throws Refused; RegistryFault after a long outage */
export function watchCommand(client: RegistryClient, jti: string, watcher: Watcher<CommandAnswer>): Promise<CommandAnswer> {
  const askCommand = (last?: CommandAnswer) => client.readCommand(jti, last === undefined ? undefined : WAIT_MS);
  return watchFlow(client, askCommand, isOver, watcher);
}

/** Whether a command has ended. Its flow ends a moment before the ledger holds its receipt. */
export function isOver({ status, receipt }: CommandAnswer): boolean {
  return isFinalStatus(status) && (status !== "success" || (receipt !== null && receipt !== undefined));
}

async function watchFlow<T>(
  { connection }: RegistryClient,
  ask: (last?: T) => Promise<Answer<T>>,
  isEnd: (seen: T) => boolean,
  watcher: Watcher<T>,
): Promise<T> {
  const idle = new IdlePlanes(connection);
  let last = requireValue(await ask());
  watcher.onChange(last);
  while (!isEnd(last)) {
    const known = last;
    const seen = await retryThroughOutage(() => ask(known), watcher);
    if (JSON.stringify(seen) !== JSON.stringify(last)) watcher.onChange(seen);
    else await idle.look();
    last = seen;
  }
  return last;
}

/** Whether the registry is overloaded or a dependency of it does not respond. Both pass. */
function isTransient(status: number): boolean {
  return status === 429 || status >= 500;
}

async function retryThroughOutage<T>(ask: () => Promise<Answer<T>>, watcher: Watcher<T>): Promise<T> {
  const deadline = performance.now() + OUTAGE_MAX_MS;
  for (let isTold = false; ; isTold = true) {
    const answer = await ask().catch((error: unknown) => {
      if (error instanceof RegistryFault) return error;
      throw error;
    });
    const why =
      answer instanceof RegistryFault ? answer.message : !answer.ok && isTransient(answer.status) ? answer.problem.detail : undefined;
    if (why === undefined) return requireValue(answer as Answer<T>);
    if (performance.now() > deadline) throw new RegistryFault(why);
    if (!isTold) watcher.onOutage(why);
    await sleep(RETRY_MS);
  }
}
