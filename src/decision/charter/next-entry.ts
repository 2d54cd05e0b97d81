import type { SigningKey } from "../../domain/bytes/signature.js";
import type { CharterChange } from "../../domain/charter/change.js";
import { CHARTER_RULES, type CharterEntry, signEntry } from "../../domain/charter/entry.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { computeWrites } from "./apply-change.js";
import type { CharterWalk } from "./walk.js";

/**
 * Builds the entry that follows the newest walked one, and signs it with the founding key. The walk stays where it is. Denials: those of
 * {@link computeWrites}, and `charter_invalid` if the charter is sealed.
 */
export function signNextEntry(walk: CharterWalk, change: CharterChange, foundingKey: SigningKey): Outcome<CharterEntry> {
  const { tenantId: tenant_id, state, entryHash: previous } = walk;
  const version = walk.version + 1;
  if (state.find("sealed") !== undefined)
    return denyWith("charter_invalid", `The charter of ${tenant_id} is sealed: its changes are acts, with a card and approvals.`);
  const writes = computeWrites(state, version, change);
  if (!writes.ok) return writes;
  const undo = state.write(writes.value);
  const state_hash = state.hash;
  undo();
  return grantValue(signEntry({ tenant_id, version, previous, state_hash, change, rules: CHARTER_RULES }, foundingKey));
}
