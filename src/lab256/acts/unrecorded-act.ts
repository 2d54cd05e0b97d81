import { computeDeriveMaxMs } from "../../domain/act/derive-time.js";
import type { NewEvent } from "../../domain/ledger/event.js";
import type { Receipt } from "../../domain/permit/receipt.js";
import { readClaim } from "../../storage/claims.js";
import type { PermitItem } from "../ledger/queries/permits.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { countReceipt } from "./flow-metrics.js";
import { appendChanges, recordInfraChanges } from "./outdated-plans.js";
import { readReceiptKeys, readSignedReceipt } from "./receipts.js";
import { readProjectEvents } from "./stored-project-events.js";

/**
 * Records an act that used a permit without a flow, because its command was sent to the Runner's queue directly: its receipt and its
 * effects on the catalog. Returns false while the claim has no genuine receipt or a release's manifest may still be written. Recording it
 * again changes nothing. Source: contracts "Permit, command, claim, receipt".
 */
export async function recordUnrecordedAct(deps: Lab256Dependencies, permit: PermitItem): Promise<boolean> {
  const { tenant_id, jti, card_id, actor_id } = permit;
  const claim = (await readClaim(deps.store, tenant_id, jti))?.claim;
  if (claim === undefined) return false;
  const receipt = await readReceiptOfPermit(deps, permit);
  if (receipt === undefined || receipt.envelope_digest !== claim.envelope_digest) return false;
  const recorded: NewEvent = { type: "receipt.recorded", key: `receipt.recorded/${jti}`, payload: { receipt, actor_id, card_id } };
  const found = receipt.status === "success" ? await readProjectEvents(deps.store, receipt, actor_id) : { events: [], isComplete: true };
  // The Runner writes the manifest after the receipt, within a time limit. After that, no manifest is expected.
  const { max_run_ms } = permit.permit;
  if (!found.isComplete && deps.now() <= claim.claimed_at + max_run_ms + computeDeriveMaxMs(max_run_ms)) return false;
  const changes = await recordInfraChanges(deps, receipt);
  countReceipt(deps, await appendChanges(deps, tenant_id, [recorded, ...found.events], changes), permit.permit, receipt);
  return true;
}

async function readReceiptOfPermit(deps: Lab256Dependencies, { tenant_id, jti, permit }: PermitItem): Promise<Receipt | undefined> {
  const { target, jobType } = permit.scopes;
  const receipt = await readSignedReceipt(deps, { tenant_id, jti }, await readReceiptKeys(deps, tenant_id, target));
  return receipt?.jobType === jobType ? receipt : undefined;
}
