import type { Charters } from "../../decision/charter/charters.js";
import { PolicyBytesError } from "../../decision/policy/bytes.js";
import { loadPolicy } from "../../decision/policy/policy.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { toPolicyBytesKey } from "../../domain/storage-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import { createBlob } from "../../storage/settled-write.js";

/**
 * Stores the bytes of a policy under its own key before the charter names it, because nothing could be decided without them. They may be staged,
 * where LAB 256 can exchange them, and the staging area is emptied. Denial: `charter_invalid`.
 */
export async function keepPolicy(charters: Charters, store: ObjectStore, tenantId: string, policyHash: string): Promise<Outcome<null>> {
  const bytes = await charters.policies.readBytes(tenantId, policyHash);
  if (bytes === undefined) return denyWith("charter_invalid", `The bytes of the policy ${policyHash} are not stored; stage them first.`);
  const hash = hashBlake3Hex(bytes);
  if (hash !== policyHash) return denyWith("charter_invalid", `The stored bytes of the policy ${policyHash} hash to ${hash}.`);
  try {
    await loadPolicy(bytes);
  } catch (error) {
    if (error instanceof PolicyBytesError) return denyWith("charter_invalid", error.message);
    throw error;
  }
  await createBlob(store, toPolicyBytesKey(tenantId, policyHash), bytes);
  return grantValue(null);
}
