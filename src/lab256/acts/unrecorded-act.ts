import { computeDeriveMaxMs } from "../../domain/act/derive-time.js";
import { verifySignedObject } from "../../domain/bytes/signature.js";
import type { NewEvent } from "../../domain/ledger/event.js";
import { type Receipt, receiptSchema } from "../../domain/permit/receipt.js";
import { toReceiptKey } from "../../domain/storage-key.js";
import { appendEvents } from "../ledger/append.js";
import type { PermitItem } from "../ledger/queries/permits.js";
import { readClaim } from "../permits/end-permit.js";
import { readStoredJson } from "../stored-json.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { countReceipt } from "./flow-metrics.js";
import { readReceiptKeys } from "./receipt-keys.js";
import { readProjectEvents } from "./stored-project-events.js";

/**
 * Records an act whose permit was used without a flow, by whoever reaches the Runner's queue: its receipt, and what it means for the
 * catalog. `false` while there is no genuine receipt for the claim, or a release whose manifest may still be written has none yet.
 * Recording it again changes nothing. Source: contracts "Permit, command, claim, receipt".
 */
export async function recordUnrecordedAct(deps: Lab256Dependencies, permit: PermitItem): Promise<boolean> {
  const { tenant_id, jti, card_id, actor_id } = permit;
  const claim = await readClaim(deps.store, tenant_id, jti);
  if (claim?.kind !== "act") return false;
  const receipt = await readReceiptOfPermit(deps, permit);
  if (receipt === undefined || receipt.envelope_digest !== claim.envelope_digest) return false;
  const recorded: NewEvent = { type: "receipt.recorded", key: `receipt.recorded/${jti}`, payload: { receipt, actor_id, card_id } };
  const found = receipt.status === "success" ? await readProjectEvents(deps.store, receipt, actor_id) : { events: [], isComplete: true };
  // The manifest is written after the receipt and has a time of its own for it; once that is over too, nobody is likely to write it.
  const { max_run_ms } = permit.permit;
  if (!found.isComplete && deps.now() <= claim.claimed_at + max_run_ms + computeDeriveMaxMs(max_run_ms)) return false;
  countReceipt(deps, await appendEvents(deps.db, tenant_id, [recorded, ...found.events], deps.now()), permit.permit, receipt);
  return true;
}

async function readReceiptOfPermit(deps: Lab256Dependencies, { tenant_id, jti, permit }: PermitItem): Promise<Receipt | undefined> {
  const receipt = await readStoredJson(deps.store, toReceiptKey(tenant_id, jti), receiptSchema);
  if (receipt === undefined) return undefined;
  if (verifySignedObject("receipt", receipt, await readReceiptKeys(deps, tenant_id, permit.scopes.target)) !== "valid") return undefined;
  const isOf = receipt.tenant_id === tenant_id && receipt.jti === jti && receipt.jobType === permit.scopes.jobType;
  return isOf ? receipt : undefined;
}
