import { expect, vi } from "vitest";
import type { EventPayloads, EventType, LedgerEntry } from "../../src/domain/ledger/event.js";
import { toRegistryContainer } from "../../src/domain/ledger/event.js";
import { toRepoPrefix } from "../../src/domain/storage-key.js";
import { openDatabase } from "../../src/lab256/database/database.js";
import { readStoredEntries, toLedgerEntry } from "../../src/lab256/ledger/read-entries.js";
import type { ObjectStore } from "../../src/storage/ports.js";
import type { ServedRegistry } from "../harness/registry.js";
import { ACT_MS } from "./acts.js";

async function listKeys(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.blobs.list(prefix)) keys.push(key);
  return keys;
}

/** Returns the text of the stored `packed-refs`, including the acts' records. */
export async function readRefsText({ store }: ServedRegistry, project: string, tenant = "T.UBL"): Promise<string> {
  const found = await store.pointers.read(`${toRepoPrefix(tenant, project)}/packed-refs`);
  return found === undefined ? "" : Buffer.from(found.bytes).toString("utf8");
}

/** Returns the stored id of a branch or tag, or undefined. */
export async function findRef(registry: ServedRegistry, project: string, name: string): Promise<string | undefined> {
  const lines = (await readRefsText(registry, project)).split("\n").map((line) => line.split(" "));
  return lines.find(([, ref]) => ref === name)?.[0];
}

/** Returns a tenant's repositories with their refs, metadata and receipts, none of which a refused act changes. */
export async function readOfficialState(
  { store }: ServedRegistry,
  tenants: readonly string[] = ["T.UBL", "T.OTHER"],
): Promise<Record<string, string>> {
  const entries: Record<string, string> = {};
  for (const tenant of tenants)
    for (const space of ["repos", "registry-metadata", "receipts"])
      for (const key of await listKeys(store, `${space}/${tenant}/`)) {
        const isMutable = key.endsWith("/packed-refs") || key.endsWith("/index.json");
        entries[key] = isMutable ? Buffer.from((await store.pointers.read(key))?.bytes ?? []).toString("utf8") : "";
      }
  return entries;
}

/** Reads a tenant's whole ledger. */
export async function readLedger(registry: ServedRegistry, tenant = "T.UBL"): Promise<LedgerEntry[]> {
  const db = openDatabase(registry.databaseUrl, { maxConnections: 1 });
  const entries: LedgerEntry[] = [];
  try {
    for await (const row of readStoredEntries(db, toRegistryContainer(tenant))) entries.push(toLedgerEntry(row));
  } finally {
    await db.destroy();
  }
  return entries;
}

/** Lists the payloads of all events of one type, in order. */
export async function listEvents<T extends EventType>(registry: ServedRegistry, type: T, tenant = "T.UBL"): Promise<EventPayloads[T][]> {
  return (await readLedger(registry, tenant)).flatMap((entry) => (entry.type === type ? [entry.payload as EventPayloads[T]] : []));
}

/** Waits until every ended card is closed in the ledger. A card ends with its receipt, and its flow appends the entry later. */
export async function waitUntilCardsAreClosed(registry: ServedRegistry): Promise<void> {
  const ended = (await registry.as("admin").listCards().read()).flatMap(({ card_id, closed_at }) => (closed_at === null ? [] : [card_id]));
  const listClosedCards = async () => (await listEvents(registry, "card.closed")).map(({ card_id }) => card_id);
  await vi.waitFor(async () => expect(await listClosedCards()).toEqual(expect.arrayContaining(ended)), { timeout: ACT_MS, interval: 50 });
}
