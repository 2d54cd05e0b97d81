import { randomUUID } from "node:crypto";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import type { NewEvent } from "../../domain/ledger/event.js";
import type { Claim, EndClaim } from "../../domain/permit/claim.js";
import { toClaimKey } from "../../domain/storage-key.js";
import { readClaim } from "../../storage/claims.js";
import { type ObjectStore, StorageFault } from "../../storage/ports.js";
import { createBlob } from "../../storage/settled-write.js";
import type { DbPool } from "../database/database.js";
import { appendEvents } from "../ledger/append.js";

export interface PermitEnding {
  readonly tenant_id: string;
  readonly jti: string;
  readonly card_id: string | null;
  readonly end: EndClaim["end"];
  readonly reason: string;
  /** The actor who ended it, or `LAB_256` for the registry itself. */
  readonly by: string;
}

/** The two writes that end a permit: the claim, then the ledger. */
export type EndingStep = "end claimed" | "end recorded";

export interface EndingDependencies {
  readonly db: DbPool;
  /** Reads everything and creates claims. */
  readonly store: ObjectStore;
  now(): number;
  onStep?(step: EndingStep): void | Promise<void>;
}

/**
 * Ends an unused permit by winning its claim, so that either the act or the end happens, never both. Returns `acted` if a Runner has won
 * the claim. Ending a permit again changes nothing. Source: contracts "Then the claim".
 */
export async function endPermit(deps: EndingDependencies, ending: PermitEnding): Promise<"ended" | "acted"> {
  const { tenant_id, jti, end, reason, by } = ending;
  const claimed = await claimEnd(deps, { kind: "end", tenant_id, jti, end, reason, nonce: randomUUID(), claimed_at: deps.now() });
  if (claimed.kind === "act") return "acted";
  await deps.onStep?.("end claimed");
  const event = buildEndEvent({ ...ending, end: claimed.end, reason: claimed.reason, by });
  await appendEvents(deps.db, tenant_id, [event], claimed.claimed_at);
  await deps.onStep?.("end recorded");
  return "ended";
}

/** Returns the stored claim: the given one, or an earlier one. */
async function claimEnd(deps: EndingDependencies, claim: EndClaim): Promise<Claim> {
  const key = toClaimKey(claim.tenant_id, claim.jti);
  if ((await createBlob(deps.store, key, toCanonicalBytes(claim))) === "created") return claim;
  const found = await readClaim(deps.store, claim.tenant_id, claim.jti);
  if (found === undefined) throw new StorageFault("unavailable", key, "The claim could be neither created nor read; try again.");
  return found.claim;
}

function buildEndEvent({ jti, card_id, end, reason, by }: PermitEnding): NewEvent {
  const payload = { jti, card_id, reason, by };
  const key = `permit.end/${jti}`;
  if (end === "revoked") return { type: "permit.revoked", key, payload };
  if (end === "expired") return { type: "permit.expired", key, payload };
  return { type: "permit.refused", key, payload };
}
