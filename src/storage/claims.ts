import { type Claim, parseClaim } from "../domain/permit/claim.js";
import { toClaimKey } from "../domain/storage-key.js";
import type { ObjectStore } from "./ports.js";

/** A claim with the version of its pointer. */
export interface StoredClaim<C extends Claim = Claim> {
  readonly claim: C;
  readonly version: string;
}

/**
 * Reads the claim of a permit. Returns undefined if the permit is unclaimed.
 *
 * @throws Error if the claim is malformed.
 */
export async function readClaim(store: ObjectStore, tenantId: string, jti: string): Promise<StoredClaim | undefined> {
  const pointed = await store.pointers.read(toClaimKey(tenantId, jti));
  return pointed === undefined ? undefined : { claim: parseClaim(pointed.bytes, jti), version: pointed.version };
}
