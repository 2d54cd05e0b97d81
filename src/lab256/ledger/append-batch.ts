import { sql } from "kysely";
import { type EventType, type NewEvent, toRegistryContainer } from "../../domain/ledger/event.js";
import type { Trx } from "../database/database.js";
import { type CommandConflict, findCommandConflict, toCommandIdentities } from "./command-conflict.js";
import { type ChainHead, linkEntries, type WrittenEntry } from "./entry.js";
import { buildNotices, LEDGER_CHANNEL } from "./notice.js";
import type { OpenedRow } from "./open-function.js";
import { formatId, listEntryChanges, type PlanChange } from "./plan-change.js";
import { groupIntoBatches, writeTogether } from "./projections/batches.js";
import { buildEffects } from "./projections/projections.js";
import { findMovedGrounds, findOutdatedRounds, type OutdatedRound } from "./void-approvals.js";

/** An event of a request. `isNew` is false if the chain already had its key. */
export interface Appended {
  readonly type: EventType;
  readonly key: string;
  readonly seq: number;
  readonly isNew: boolean;
}

/** Why nothing was written: another command has the id, or the chain has an event that ends what the events continue. */
export type AppendConflict = CommandConflict | { readonly column: "end"; readonly key: string };

export type AppendOutcome =
  | {
      readonly ok: true;
      readonly appended: readonly Appended[];
      /** The cards whose approvals the request has voided. */
      readonly voided: readonly string[];
    }
  /** Nothing of the request was written; the transaction can continue. */
  | { readonly ok: false; readonly conflict: AppendConflict };

/** Limits the events of a batch, because a statement takes a limited number of parameters. */
export const EVENTS_MAX = 1_000;

/** Events that are appended all together or not at all. `atMs` is in milliseconds since 1970. */
export interface AppendRequest {
  readonly events: readonly NewEvent[];
  readonly atMs: number;
  /** Keys of events after which none of `events` may be appended. They are looked for under the container's lock. */
  readonly ends?: readonly string[];
  /** What has changed for plans besides what `events` record. */
  readonly changes?: readonly PlanChange[];
}

/**
 * Appends requests to the tenant's chain in order, updates the projections and notifies the watchers, all in the caller's transaction. A
 * conflict rejects only the events of its own request. Events whose key is already in the chain are skipped, so a retry changes nothing.
 * Approvals of plans that rest on what a request changed are voided in the same transaction.
 * The container stays locked until the transaction ends, so the transaction must be short. Source: ADR-002 §7, contracts "Events and
 * projections".
 */
export async function appendBatch(trx: Trx, tenantId: string, requests: readonly AppendRequest[]): Promise<AppendOutcome[]> {
  const all = requests.flatMap(({ events }) => events);
  if (all.length === 0 && requests.every(({ changes = [] }) => changes.length === 0))
    return requests.map(() => ({ ok: true, appended: [], voided: [] }));
  if (all.length > EVENTS_MAX)
    throw new RangeError(`One append takes at most ${EVENTS_MAX} events, not ${all.length}; append them in parts.`);
  const container = toRegistryContainer(tenantId);
  const opened = await openChain(
    trx,
    container,
    tenantId,
    all,
    requests.flatMap(({ ends = [] }) => ends),
  );
  const seqs = new Map(Object.entries(opened.known));
  const taken = [...opened.taken];
  let head: ChainHead = opened;
  const written: WrittenEntry[][] = [];
  const causes: Cause[] = [];
  const outcomes = requests.map(({ events, atMs, ends = [], changes = [] }, n): AppendOutcome => {
    const fresh = keepFirstOfEachKey(events).filter(({ key }) => !seqs.has(key));
    const end = fresh.length === 0 ? undefined : ends.find((key) => seqs.has(key));
    if (end !== undefined) return { ok: false, conflict: { column: "end", key: end } };
    const conflict = findCommandConflict(fresh, taken);
    if (conflict !== undefined) return { ok: false, conflict };
    const entries = linkEntries(container, tenantId, head, fresh, atMs);
    for (const { entry } of entries) seqs.set(entry.key, entry.seq);
    head = entries.at(-1)?.entry ?? head;
    taken.push(...toCommandIdentities(fresh));
    written.push(entries);
    for (const { entry } of entries) {
      const { type } = entry;
      causes.push(...listEntryChanges(entry).map((change) => ({ request: n, change })));
      if (type === "card.approved" || type === "card.attested") causes.push({ request: n, stated: entry.payload.card_id });
    }
    causes.push(...changes.map((change) => ({ request: n, change })));
    const appended = events.map((event, at) => toAppended(event, seqs, fresh.includes(event) && events.indexOf(event) === at));
    return { ok: true, appended, voided: [] };
  });
  if (written.some((entries) => entries.length > 0)) await writeEntries(trx, tenantId, written);
  if (causes.length === 0) return outcomes;
  const outdated = await findOutdated(trx, tenantId, causes);
  if (outdated.length === 0) return outcomes;
  const atMs = Math.max(...requests.map((request) => request.atMs));
  await writeEntries(trx, tenantId, [
    linkEntries(
      container,
      tenantId,
      head,
      outdated.map(({ event }) => event),
      atMs,
    ),
  ]);
  return outcomes.map((outcome, n) =>
    outcome.ok ? { ...outcome, voided: outdated.filter(({ request }) => request === n).map(({ card_id }) => card_id) } : outcome,
  );
}

/** What of a request can outdate plans: a change, or an approval or attestation of a plan that a change has outdated meanwhile. */
type Cause = { readonly request: number } & ({ readonly change: PlanChange } | { readonly stated: string });

async function findOutdated(
  trx: Trx,
  tenantId: string,
  causes: readonly Cause[],
): Promise<(OutdatedRound & { readonly request: number })[]> {
  const stated = causes.flatMap((cause) => ("stated" in cause ? [cause] : []));
  const moved =
    stated.length === 0
      ? []
      : await findMovedGrounds(
          trx,
          tenantId,
          stated.map((cause) => cause.stated),
        );
  const all = [
    ...causes.flatMap((cause) => ("change" in cause ? [cause] : [])),
    ...moved.map(({ card_id, round, project_id, name, value }) => ({
      request: stated.find((cause) => cause.stated === card_id)?.request ?? 0,
      change: { card_id, round, why: `${name} of ${project_id} moved away from ${formatId(value)} before the approval was recorded.` },
    })),
  ];
  const found = await findOutdatedRounds(
    trx,
    tenantId,
    all.map(({ change }) => change),
  );
  return found.map((outdated) => ({ ...outdated, request: all[outdated.cause]?.request ?? 0 }));
}

function toAppended({ type, key }: NewEvent, seqs: ReadonlyMap<string, number>, isNew: boolean): Appended {
  const seq = seqs.get(key);
  if (seq === undefined) throw new Error(`${key} was neither appended nor found in the chain.`);
  return { type, key, seq, isNew };
}

function keepFirstOfEachKey(events: readonly NewEvent[]): NewEvent[] {
  const seen = new Set<string>();
  return events.filter(({ key }) => !seen.has(key) && seen.add(key));
}

async function openChain(
  trx: Trx,
  container: string,
  tenantId: string,
  events: readonly NewEvent[],
  ends: readonly string[],
): Promise<OpenedRow> {
  const keys = [...events.map((event) => event.key), ...ends];
  const commands = toCommandIdentities(events);
  const jtis = commands.map(({ jti }) => jti);
  const jobIds = commands.map(({ job_id }) => job_id);
  const { rows } = await sql<OpenedRow>`
    select seq, hash, known, taken from ledger_open(${container}, ${tenantId}, ${keys}::text[], ${jtis}::text[], ${jobIds}::text[])`.execute(
    trx,
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`ledger_open returned nothing for ${container}; run the migrations again.`);
  return row;
}

/** Sends entries, first projection writes and notices in one statement, so that most appends need one round trip. */
async function writeEntries(trx: Trx, tenantId: string, written: readonly (readonly WrittenEntry[])[]): Promise<void> {
  const entries = written.flat().map(({ entry }) => entry);
  const rows = written.flat().map(({ entry, payloadText }) => ({
    container: entry.container,
    seq: entry.seq,
    tenant_id: entry.tenant_id,
    type: entry.type,
    key: entry.key,
    at_ms: entry.at_ms,
    payload: payloadText,
    prev_hash: entry.prev_hash,
    hash: entry.hash,
  }));
  const [first = [], ...later] = groupIntoBatches(buildEffects(trx, entries)).map((batch) => batch.map((effect) => effect.write));
  const notices = written
    .filter((one) => one.length > 0)
    .flatMap((one) =>
      buildNotices(
        tenantId,
        one.map(({ entry }) => entry),
      ),
    )
    .map((notice) => JSON.stringify(notice));
  const notify = sql`select pg_notify(${LEDGER_CHANNEL}, notice) from unnest(${notices}::text[]) as notice`;
  await writeTogether(trx, [trx.insertInto("ledger_entries").values(rows), ...first], notify);
  for (const wave of later) await writeTogether(trx, wave, sql`select`);
}
