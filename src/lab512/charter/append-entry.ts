import type { Charters } from "../../decision/charter/charters.js";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { type AppendedEntry, charterEntrySchema, hashEntry } from "../../domain/charter/entry.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { toCharterKey } from "../../domain/storage-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import { scopeToTenant } from "../../storage/scoped.js";
import { storeAfterEntry, storeBeforeEntry } from "./beside-entry.js";

/** The dependencies of {@link appendEntry}. */
export interface CharterWriter {
  readonly store: ObjectStore;
  readonly charters: Charters;
}

/**
 * Appends an entry that the founding key signed to its tenant's charter. Whoever sends it, it is checked in full against the walked charter.
 * Of several entries of one version exactly one is appended. Appending an entry again is a success. Denials: those of
 * {@link Charters.checkEntry}.
 */
export async function appendEntry({ store, charters }: CharterWriter, candidate: unknown): Promise<Outcome<AppendedEntry>> {
  const parsed = parseWith(charterEntrySchema, candidate);
  if (!parsed.ok) return denyWith("charter_invalid", `The entry is malformed: ${formatProblems(parsed.problems)}`);
  const entry = parsed.value;
  const { tenant_id, version, change, authority } = entry;
  // The Runner appends the entry of an act itself, once the act's command has its permit and its claim.
  if (authority.kind !== "founding")
    return denyWith("charter_invalid", "Only an entry of the founding key can be sent; other changes are acts: open a card.");
  const checked = await charters.checkEntry(entry);
  if (!checked.ok) return checked;
  const appended = { version, entry_hash: hashEntry(entry) };
  if (!checked.value.isKnown) {
    const kept = await charters.useNewest(tenant_id, (walk) => storeBeforeEntry({ store, charters }, walk, change));
    if (!kept.ok) return kept;
    const own = scopeToTenant(store, tenant_id);
    if ((await own.blobs.create(toCharterKey(tenant_id, version), toCanonicalBytes(entry))) === "exists") {
      // Since the check, another entry or an earlier attempt took the version.
      const again = await charters.checkEntry(entry);
      if (!again.ok) return again;
    }
  }
  await storeAfterEntry({ store, charters }, tenant_id, change);
  return grantValue(appended);
}
