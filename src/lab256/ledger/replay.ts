import { type LedgerEntry, toRegistryContainer } from "../../domain/ledger/event.js";
import type { Trx } from "../database/database.js";
import { effectsOf } from "./projections/projections.js";
import { applyEffects } from "./projections/waves.js";
import { entryOf, storedEntries } from "./read-entries.js";

/** Entries whose effects are computed at once. */
const BATCH_ENTRIES = 100;

/** Applies every entry of the tenant's chain to the projections, which must be empty for the tenant. Answers how many there were. */
export async function replay(trx: Trx, tenantId: string): Promise<number> {
  let count = 0;
  let batch: LedgerEntry[] = [];
  for await (const stored of storedEntries(trx, toRegistryContainer(tenantId))) {
    batch.push(entryOf(stored));
    count += 1;
    if (batch.length < BATCH_ENTRIES) continue;
    await applyEffects(trx, effectsOf(trx, batch));
    batch = [];
  }
  await applyEffects(trx, effectsOf(trx, batch));
  return count;
}
