import type { NewEvent } from "../../domain/ledger/event.js";
import type { AppendOutcome } from "../ledger/append.js";
import { recordEvents as recordIn } from "../ledger/record.js";
import type { Lab256Dependencies } from "./dependencies.js";

/** Appends to the tenant's chain, now. */
export function recordActEvents(
  deps: Lab256Dependencies,
  tenantId: string,
  events: readonly NewEvent[],
  atMs = deps.now(),
): Promise<AppendOutcome> {
  return recordIn(deps.db, tenantId, events, atMs);
}
