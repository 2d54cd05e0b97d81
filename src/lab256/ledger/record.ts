import type { NewEvent } from "../../domain/ledger/event.js";
import { countAppendedEvents } from "../../process/metrics/ledger.js";
import type { Db } from "../database/database.js";
import { type AppendOutcome, type AppendRequest, appendEvents, appendRequests, EVENTS_MAX } from "./append.js";

/** One transaction holds the container's lock for all of its requests; beyond this many, latency grows and nothing is saved. */
const TOGETHER_MAX = 32;

/** Beyond this many requests that wait for one chain, a further one is refused: what it would wait for takes longer than its caller waits. */
const WAITING_MAX = 1_000;

/** More waits to be written to one chain than is taken. Nothing of the request was written; it can be made again. */
export class LedgerBusy extends Error {
  override readonly name = "LedgerBusy";

  constructor(tenantId: string) {
    super(`${WAITING_MAX} appends wait to be written to the ledger of ${tenantId}; try again in a moment.`);
  }
}

interface WaitingRequest extends AppendRequest {
  resolve(outcome: AppendOutcome): void;
  reject(error: unknown): void;
}

/** What waits for each pool and tenant while a transaction of theirs is under way. */
const queues = new WeakMap<Db, Map<string, WaitingRequest[]>>();

/**
 * Appends in a transaction of its own, as `append` does. Appends of one process to one chain would wait for each other's locks, so those
 * that come while one is under way share the next transaction (group commit): each is answered once its own events are committed.
 * `atMs` is milliseconds since 1970. @throws LedgerBusy when too many wait already.
 */
export function recordEvents(db: Db, tenantId: string, events: readonly NewEvent[], atMs: number): Promise<AppendOutcome> {
  if (events.length > EVENTS_MAX)
    return Promise.reject(new RangeError(`One append takes at most ${EVENTS_MAX} events, not ${events.length}; append them in parts.`));
  return new Promise((resolve, reject) => {
    const resolveCommitted = (outcome: AppendOutcome) => {
      if (outcome.ok) countAppendedEvents(events, outcome.appended);
      resolve(outcome);
    };
    const request: WaitingRequest = { events, atMs: atMs, resolve: resolveCommitted, reject };
    const tenants = queues.get(db) ?? new Map<string, WaitingRequest[]>();
    queues.set(db, tenants);
    const waiting = tenants.get(tenantId);
    if (waiting !== undefined) {
      if (waiting.length >= WAITING_MAX) reject(new LedgerBusy(tenantId));
      else waiting.push(request);
      return;
    }
    const queue = [request];
    tenants.set(tenantId, queue);
    void drainQueue(db, tenantId, queue, () => tenants.delete(tenantId));
  });
}

/** Never throws: each request gets its own outcome or error. `done` is called in the moment in which nothing waits any more. */
async function drainQueue(db: Db, tenantId: string, queue: WaitingRequest[], done: () => void): Promise<void> {
  while (queue.length > 0) {
    const requests = takeRequests(queue);
    try {
      const outcomes = await db.transaction().execute((trx) => appendRequests(trx, tenantId, requests));
      requests.forEach((request, n) => {
        const outcome = outcomes[n];
        if (outcome === undefined) request.reject(new Error("An append was left without an outcome; try again."));
        else request.resolve(outcome);
      });
    } catch (error) {
      await retryRequestsOneByOne(db, tenantId, requests, error);
    }
  }
  done();
}

function takeRequests(queue: WaitingRequest[]): WaitingRequest[] {
  let count = 0;
  let events = 0;
  for (const request of queue) {
    events += request.events.length;
    if (count === TOGETHER_MAX || (count > 0 && events > EVENTS_MAX)) break;
    count += 1;
  }
  return queue.splice(0, count);
}

/** Nobody fails for another's events: what failed together is tried again one by one. A repeated append changes nothing. */
async function retryRequestsOneByOne(db: Db, tenantId: string, requests: readonly WaitingRequest[], error: unknown): Promise<void> {
  if (requests.length === 1) {
    requests[0]?.reject(error);
    return;
  }
  for (const { events, atMs, resolve, reject } of requests) {
    await db
      .transaction()
      .execute((trx) => appendEvents(trx, tenantId, events, atMs))
      .then(resolve, reject);
  }
}
