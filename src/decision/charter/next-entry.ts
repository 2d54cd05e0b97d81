import type { SigningKey } from "../../domain/bytes/signature.js";
import type { CharterChange } from "../../domain/charter/change.js";
import { CHARTER_RULES, type CharterEntry, signEntry, type UnsignedEntry } from "../../domain/charter/entry.js";
import type { RecordWrite } from "../../domain/charter/records.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { CharterWalk } from "./walk.js";

/**
 * Builds the entry that follows the newest walked one, and signs it with the founding key. The walk stays where it is. Denials: those of
 * {@link CharterWalk.computeNext}, and `charter_invalid` if the charter is sealed.
 */
export async function signNextEntry(walk: CharterWalk, change: CharterChange, foundingKey: SigningKey): Promise<Outcome<CharterEntry>> {
  if (walk.state.find("sealed") !== undefined)
    return denyWith("charter_invalid", `The charter of ${walk.tenantId} is sealed: its changes are acts, with a card and approvals.`);
  const writes = await walk.computeNext(change);
  return writes.ok ? grantValue(signEntry(buildNextEntry(walk, change, writes.value), foundingKey)) : writes;
}

/** Builds the entry that follows the newest walked one. The walk stays where it is. */
export function buildNextEntry(walk: CharterWalk, change: CharterChange, writes: readonly RecordWrite[]): UnsignedEntry {
  const { tenantId: tenant_id, state, entryHash: previous } = walk;
  const undo = state.write(writes);
  const state_hash = state.hash;
  undo();
  return { tenant_id, version: walk.version + 1, previous, state_hash, change, rules: CHARTER_RULES };
}
