import type { Jwks } from "../../domain/bytes/signature.js";
import type { Target } from "../../domain/ids.js";
import { readRegisteredKeys } from "../identity/runner-keys.js";
import type { Lab256Dependencies } from "./dependencies.js";

/**
 * The keys by which receipts and refusals for a tenant and target count, whichever way they come: those of the registry's own Runners
 * and those registered for that target, without the ones that were revoked there.
 */
export async function readReceiptKeys({ db, receiptKeys }: Lab256Dependencies, tenantId: string, target: Target): Promise<Jwks> {
  const { keys, revoked } = await readRegisteredKeys(db, tenantId, target);
  return { keys: [...receiptKeys.keys.filter(({ kid }) => !revoked.has(kid)), ...keys] };
}
