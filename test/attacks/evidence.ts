import { expect } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { type EventType, toRegistryContainer } from "../../src/domain/ledger/event.js";
import { toClaimKey, toReceiptKey } from "../../src/domain/storage-key.js";
import { openDatabase } from "../../src/lab256/database/database.js";
import { readStoredEntries, toLedgerEntry } from "../../src/lab256/ledger/read-entries.js";
import { verifyProjections } from "../../src/lab256/ledger/verify-projections.js";
import type { ServedRegistry } from "../harness/registry.js";

export const TENANT = "T.UBL";

/** Lists the types of the ledger's events about an act's `jti`, a card's id or a project's id. */
export async function listEventTypesAbout(registry: ServedRegistry, ...about: readonly string[]): Promise<EventType[]> {
  const db = openDatabase(registry.databaseUrl, { maxConnections: 1 });
  try {
    const types: EventType[] = [];
    for await (const row of readStoredEntries(db, toRegistryContainer(TENANT))) {
      const entry = toLedgerEntry(row);
      if (about.some((id) => entry.key.split("/").includes(id))) types.push(entry.type);
    }
    return types;
  } finally {
    await db.destroy();
  }
}

/** Expects an unbroken chain, matching anchors, and projections that equal a rebuild. */
export async function expectSoundLedger(registry: ServedRegistry): Promise<void> {
  expect(requireValue(await registry.as("admin").verifyLedger())).toMatchObject({ ok: true });
  const db = openDatabase(registry.databaseUrl, { maxConnections: 1 });
  try {
    expect(await verifyProjections(db, TENANT)).toMatchObject({ ok: true });
  } finally {
    await db.destroy();
  }
}

/** Tells whether the store has a claim and a receipt of an act. */
export async function readTraces(registry: ServedRegistry, jti: string): Promise<{ claim: boolean; receipt: boolean }> {
  const { blobs } = registry.store;
  const [claim, receipt] = await Promise.all([blobs.stat(toClaimKey(TENANT, jti)), blobs.stat(toReceiptKey(TENANT, jti))]);
  return { claim: claim !== undefined, receipt: receipt !== undefined };
}

/** Reads the refs of a project from the catalog. */
export async function readCatalogRefs(registry: ServedRegistry, project_id: string): Promise<Record<string, string>> {
  const refs = await registry.as("admin").listRefs(project_id).read();
  return Object.fromEntries(refs.map(({ name, object_id }) => [name, object_id]));
}
