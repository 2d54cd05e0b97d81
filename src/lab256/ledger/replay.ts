import { type LedgerEntry, toRegistryContainer } from "../../domain/ledger/event.js";
import type { Trx } from "../database/database.js";
import { applyEffects } from "./projections/batches.js";
import { buildEffects } from "./projections/projections.js";
import { readStoredEntries, toLedgerEntry } from "./read-entries.js";

/** The number of entries whose effects are computed at once. */
const BATCH_ENTRIES = 100;

/** Applies every entry of the tenant's chain to its projections, which must be empty. Returns the number of entries. */
export async function replayEntries(trx: Trx, tenantId: string): Promise<number> {
  let count = 0;
  let batch: LedgerEntry[] = [];
  for await (const stored of readStoredEntries(trx, toRegistryContainer(tenantId))) {
    batch.push(toLedgerEntry(stored));
    count += 1;
    if (batch.length < BATCH_ENTRIES) continue;
    await applyEffects(trx, buildEffects(trx, batch));
    batch = [];
  }
  await applyEffects(trx, buildEffects(trx, batch));
  return count;
}
