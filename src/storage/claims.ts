import type { z } from "zod";
import { parseJsonBytes } from "../domain/json.js";
import { type Claim, claimSchema } from "../domain/permit/claim.js";
import { type PermitEnd, permitEndSchema } from "../domain/permit/permit-end.js";
import { formatProblems, parseWith } from "../domain/problems.js";
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
  return pointed === undefined
    ? undefined
    : { claim: parseStored(claimSchema, pointed.bytes, `claim of ${jti}`), version: pointed.version };
}

/**
 * Reads the end of a permit. Returns undefined if LAB 256 has not ended it.
 *
 * @throws Error if the end is malformed.
 */
export async function readPermitEnd(store: ObjectStore, tenantId: string, jti: string): Promise<PermitEnd | undefined> {
  const bytes = await store.blobs.get(toPermitEndKey(tenantId, jti));
  return bytes === undefined ? undefined : parseStored(permitEndSchema, bytes, `end of permit ${jti}`);
}

function parseStored<T>(schema: z.ZodType<T>, bytes: Uint8Array, what: string): T {
  const parsed = parseWith(schema, parseJsonBytes(bytes));
  if (parsed.ok) return parsed.value;
  throw new Error(`The ${what} is malformed (${formatProblems(parsed.problems)}); restore the object from a backup.`);
}
