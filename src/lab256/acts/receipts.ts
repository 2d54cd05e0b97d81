import { type Jwks, verifySignedObject } from "../../domain/bytes/signature.js";
import type { Target } from "../../domain/ids.js";
import { type Receipt, receiptSchema } from "../../domain/permit/receipt.js";
import { toReceiptKey } from "../../domain/storage-key.js";
import { readRegisteredKeys } from "../identity/runner-keys.js";
import { readStoredJson } from "../stored-json.js";
import type { Lab256Dependencies } from "./dependencies.js";

/**
 * Reads the keys that may sign receipts and refusals for a tenant and target: those of the registry's own Runners and those registered
 * for the target, without the keys that were revoked for it. They are the same for both transports.
 */
export async function readReceiptKeys({ db, receiptKeys }: Lab256Dependencies, tenantId: string, target: Target): Promise<Jwks> {
  const { keys, revoked } = await readRegisteredKeys(db, tenantId, target);
  return { keys: [...receiptKeys.keys.filter(({ kid }) => !revoked.has(kid)), ...keys] };
}

/** Reads the stored receipt of a permit. Returns undefined unless one of `keys` signed it for this permit. */
export async function readSignedReceipt(
  { store }: Lab256Dependencies,
  { tenant_id, jti }: { readonly tenant_id: string; readonly jti: string },
  keys: Jwks,
): Promise<Receipt | undefined> {
  const receipt = await readStoredJson(store, toReceiptKey(tenant_id, jti), receiptSchema);
  if (receipt?.tenant_id !== tenant_id || receipt.jti !== jti) return undefined;
  return verifySignedObject("receipt", receipt, keys) === "valid" ? receipt : undefined;
}
