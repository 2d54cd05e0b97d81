import type { Target } from "../../domain/ids.js";
import type { Jwks } from "../../domain/signature.js";
import { runnerKeys } from "../../identity/runner-keys.js";
import type { Lab256Dependencies } from "./dependencies.js";

/** The keys that sign receipts for a tenant and target: those of the registry's own Runners, and those registered for Runners that pull. */
export async function receiptKeysOf({ db, receiptKeys }: Lab256Dependencies, tenantId: string, target: Target): Promise<Jwks> {
  const { keys } = await runnerKeys(db, tenantId, target);
  return { keys: [...receiptKeys.keys, ...keys] };
}
