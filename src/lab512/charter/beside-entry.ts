import { denyUnusablePolicy } from "../../decision/charter/named-policies.js";
import type { CharterWalk } from "../../decision/charter/walk.js";
import { loadPolicy } from "../../decision/policy/policy.js";
import type { StoredPolicies } from "../../decision/policy/stored-policies.js";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import type { CharterChange } from "../../domain/charter/change.js";
import type { FoundingEntry } from "../../domain/charter/founding.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { toCharterKey, toPolicyBytesKey } from "../../domain/storage-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import { scopeToTenant } from "../../storage/scoped.js";
import { createBlob } from "../../storage/settled-write.js";

/** A registry's store, and the policies in it. */
interface EntryStore {
  readonly store: ObjectStore;
  readonly charters: { readonly policies: StoredPolicies };
}

/**
 * Stores what an entry needs before the charter has it: the bytes of the policy that the change names, under the tenant's own key, because
 * nothing could be decided without them. They may be staged, where LAB 256 can exchange them, and the staging area is emptied. Rules that nobody
 * permitted are not loaded. Denial: `charter_invalid`.
 */
export async function storeBeforeEntry(entries: EntryStore, walk: CharterWalk, change: CharterChange): Promise<Outcome<null>> {
  const other = change.jobType === "registry.tenant.found" ? await findOtherFirstVersion(entries.store, change.params.entry) : undefined;
  if (other !== undefined) return denyWith("charter_invalid", `${other}; remove it, or found the tenant under another id.`);
  const named = await walk.checkNamedPolicy(change);
  if (!named.ok) return named;
  if (named.value === undefined) return grantValue(null);
  const { policy_hash } = named.value;
  return denyUnusablePolicy(() => keepPolicy(entries, walk.tenantId, policy_hash));
}

/** @throws PolicyBytesError, PolicyMissing */
async function keepPolicy({ store, charters }: EntryStore, tenantId: string, policyHash: string, to = tenantId): Promise<Outcome<null>> {
  const bytes = await charters.policies.readBytes(tenantId, policyHash);
  if (bytes === undefined) return denyWith("charter_invalid", `The bytes of the policy ${policyHash} are not stored; stage them first.`);
  const hash = hashBlake3Hex(bytes);
  if (hash !== policyHash) return denyWith("charter_invalid", `The stored bytes of the policy ${policyHash} hash to ${hash}.`);
  await loadPolicy(bytes);
  await createBlob(scopeToTenant(store, to), toPolicyBytesKey(to, policyHash), bytes);
  return grantValue(null);
}

/**
 * Stores what derives from an entry that the charter has: the policy and version 1 of a tenant that the operator's charter founds. Before that
 * entry nobody reads them, and afterwards every retry completes them.
 *
 * @throws if the store has another version 1, which no Runner wrote.
 */
export async function storeAfterEntry(entries: EntryStore, operatorId: string, change: CharterChange): Promise<void> {
  if (change.jobType !== "registry.tenant.found" || change.params.entry === undefined) return;
  const { entry } = change.params;
  const kept = await keepPolicy(entries, operatorId, entry.change.params.policy_hash, entry.tenant_id);
  if (!kept.ok) throw new Error(kept.denial.message);
  await createFirstVersion(entries.store, entry);
}

async function createFirstVersion(store: ObjectStore, entry: FoundingEntry): Promise<void> {
  const { tenant_id } = entry;
  await createBlob(scopeToTenant(store, tenant_id), toCharterKey(tenant_id, 1), toCanonicalBytes(entry));
  const other = await findOtherFirstVersion(store, entry);
  if (other !== undefined) throw new Error(`${other}; find out who wrote it.`);
}

/** Says which other version 1 the store has of the tenant that an entry founds, undefined if none. */
async function findOtherFirstVersion(store: ObjectStore, entry: FoundingEntry | undefined): Promise<string | undefined> {
  if (entry === undefined) return undefined;
  const key = toCharterKey(entry.tenant_id, 1);
  const stored = await scopeToTenant(store, entry.tenant_id).blobs.get(key);
  if (stored === undefined || Buffer.from(stored).equals(toCanonicalBytes(entry))) return undefined;
  return `The store has another ${key} than the one that this entry founds ${entry.tenant_id} with`;
}
