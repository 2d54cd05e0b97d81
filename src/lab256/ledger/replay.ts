import { type LedgerEntry, toRegistryContainer } from "../../domain/ledger/event.js";
import type { Trx } from "../database/database.js";
import { buildEffects } from "./projections/projections.js";
import { applyEffects } from "./projections/waves.js";
import { readStoredEntries, toLedgerEntry } from "./read-entries.js";

/** Entries whose effects are computed at once. */
const BATCH_ENTRIES = 100;

/** Applies every entry of the tenant's chain to the projections, which must be empty for the tenant. Answers how many there were. */
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
