import type { NewEvent } from "../../domain/event.js";
import { type AppendOutcome, append } from "../../ledger/append.js";
import type { Lab256Dependencies } from "./dependencies.js";

/** Appends to the tenant's chain in a transaction of its own. */
export function record(deps: Lab256Dependencies, tenantId: string, events: readonly NewEvent[], atMs = deps.now()): Promise<AppendOutcome> {
  return deps.db.transaction().execute((trx) => append(trx, tenantId, events, atMs));
}
