import { type Claim, parseClaim } from "../domain/permit/claim.js";
import { type PermitEnd, parsePermitEnd } from "../domain/permit/permit-end.js";
import { toClaimKey, toPermitEndKey } from "../domain/storage-key.js";
import type { ObjectStore } from "./ports.js";

/** A claim with the version of its pointer. */
export interface StoredClaim {
  readonly claim: Claim;
  readonly version: string;
}

/**
 * Reads the claim of a permit without checking its signature. Returns undefined if the permit is unclaimed.
 *
 * @throws Error if the claim is malformed.
 */
export async function readClaim(store: ObjectStore, tenantId: string, jti: string): Promise<StoredClaim | undefined> {
  const pointed = await store.pointers.read(toClaimKey(tenantId, jti));
  return pointed === undefined ? undefined : { claim: parseClaim(pointed.bytes, jti), version: pointed.version };
}

/**
 * Reads the end of a permit. Returns undefined if LAB 256 has not ended it.
 *
 * @throws Error if the end is malformed.
 */
export async function readPermitEnd(store: ObjectStore, tenantId: string, jti: string): Promise<PermitEnd | undefined> {
  const bytes = await store.blobs.get(toPermitEndKey(tenantId, jti));
  return bytes === undefined ? undefined : parsePermitEnd(bytes, jti);
}
