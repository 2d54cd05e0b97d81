import type { NewEvent } from "../../domain/ledger/event.js";
import { countAppendedEvents } from "../../process/metrics/ledger.js";
import type { DbPool } from "../database/database.js";
import { type AppendOutcome, type AppendRequest, appendBatch, EVENTS_MAX } from "./append-batch.js";
import { canChangePlans, type PlanChange } from "./plan-change.js";

/** The maximum number of requests in a transaction. More would hold the container's lock longer and save nothing. */
const BATCH_MAX_COUNT = 32;

/** The maximum number of requests that wait for one chain. A further one would outlast its caller's timeout, so it is refused. */
const WAITING_MAX_COUNT = 1_000;

/** Too many appends are waiting for one chain. Nothing of the request was written; it can be repeated. */
export class LedgerBusy extends Error {
  override readonly name = "LedgerBusy";

  constructor(tenantId: string) {
    super(`${WAITING_MAX_COUNT} appends are waiting for the ledger of ${tenantId}; try again in a moment.`);
  }
}

interface WaitingRequest extends AppendRequest {
  resolve(outcome: AppendOutcome): void;
  reject(error: unknown): void;
}

/** The waiting requests by pool and tenant, for tenants with an append in progress. */
const queues = new WeakMap<DbPool, Map<string, WaitingRequest[]>>();

/**
 * Appends `events` to the tenant's ledger, all or none, and resolves once they are committed. A repeated append changes nothing. Appends
 * by one process to one chain would wait for each other's locks, so those that arrive during a transaction share the next one (group
 * commit). `atMs` is in milliseconds since 1970. Nothing is appended if the chain has an event
 * with one of the keys `ends`. `changes` are those of what plans rest on that no event records.
 *
 * @throws LedgerBusy if too many appends are waiting.
 */
export function appendEvents(
  db: DbPool,
  tenantId: string,
  events: readonly NewEvent[],
  atMs: number,
  ends: readonly string[] = [],
  changes: readonly PlanChange[] = [],
): Promise<AppendOutcome> {
  if (events.length > EVENTS_MAX)
    return Promise.reject(new RangeError(`One append takes at most ${EVENTS_MAX} events, not ${events.length}; append them in parts.`));
  return new Promise((resolve, reject) => {
    const resolveCommitted = (outcome: AppendOutcome) => {
      if (outcome.ok) countAppendedEvents(events, outcome);
      resolve(outcome);
    };
    const request: WaitingRequest = { events, atMs, ends, changes, resolve: resolveCommitted, reject };
    const tenants = queues.get(db) ?? new Map<string, WaitingRequest[]>();
    queues.set(db, tenants);
    const waiting = tenants.get(tenantId);
    if (waiting !== undefined) {
      if (waiting.length >= WAITING_MAX_COUNT) reject(new LedgerBusy(tenantId));
      else waiting.push(request);
      return;
    }
    const queue = [request];
    tenants.set(tenantId, queue);
    void drainQueue(db, tenantId, queue, () => tenants.delete(tenantId));
  });
}

/** Never throws: each request gets its own outcome or error. Calls `done` when the queue is empty. */
async function drainQueue(db: DbPool, tenantId: string, queue: WaitingRequest[], done: () => void): Promise<void> {
  while (queue.length > 0) {
    const requests = takeRequests(queue);
    try {
      await commitBatch(db, tenantId, requests);
    } catch (error) {
      await retryRequestsOneByOne(db, tenantId, requests, error);
    }
  }
  done();
}

async function commitBatch(db: DbPool, tenantId: string, requests: readonly WaitingRequest[]): Promise<void> {
  const outcomes = await db.transaction().execute((trx) => appendBatch(trx, tenantId, requests));
  requests.forEach((request, n) => {
    const outcome = outcomes[n];
    if (outcome === undefined) request.reject(new Error("An append has no outcome; this is a defect of the ledger."));
    else request.resolve(outcome);
  });
}

/** A permit of a card waits until the approvals are void that an earlier request outdates. */
function takeRequests(queue: WaitingRequest[]): WaitingRequest[] {
  let count = 0;
  let events = 0;
  let isChanging = false;
  for (const request of queue) {
    events += request.events.length;
    if (count === BATCH_MAX_COUNT || (count > 0 && events > EVENTS_MAX)) break;
    if (isChanging && request.events.some(({ type }) => type === "permit.issued")) break;
    isChanging ||= request.events.some(canChangePlans) || (request.changes ?? []).length > 0;
    count += 1;
  }
  return queue.splice(0, count);
}

/** Retries each request of a failed batch alone, so that none fails because of another. */
async function retryRequestsOneByOne(db: DbPool, tenantId: string, requests: readonly WaitingRequest[], error: unknown): Promise<void> {
  if (requests.length === 1) {
    requests[0]?.reject(error);
    return;
  }
  for (const request of requests) await commitBatch(db, tenantId, [request]).catch(request.reject);
}
