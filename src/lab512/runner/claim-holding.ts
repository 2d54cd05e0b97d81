import { randomUUID } from "node:crypto";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { ActClaim, Claim } from "../../domain/permit/claim.js";
import { toClaimKey } from "../../domain/storage-key.js";
import { readClaim, type StoredClaim } from "../../storage/claims.js";
import { type ObjectStore, StorageFault } from "../../storage/ports.js";
import { swapPointer } from "../git/swap-pointer.js";
import type { Execution } from "./dependencies.js";

/** Another attempt at the same command holds the claim, so this one stops without an answer. */
export class GhostAttempt extends Error {
  override readonly name = "GhostAttempt";
}

/** A claim that this attempt holds. `seenAtMs` is the `performance.now()` at which its write began; no other attempt had the claim then. */
export interface HeldClaim {
  readonly claim: ActClaim;
  readonly seenAtMs: number;
}

export interface ClaimWish extends Omit<Execution, "signal"> {
  readonly tenant_id: string;
  readonly jti: string;
  readonly envelope_digest: string;
  now(): number;
}

/** Whether an earlier attempt at this same command won the claim. */
export function isOwnClaim(found: StoredClaim, wish: ClaimWish): found is StoredClaim<ActClaim> {
  const { claim } = found;
  return (
    claim.kind === "act" &&
    claim.envelope_digest === wish.envelope_digest &&
    claim.workflow_id === wish.workflow_id &&
    claim.run_id === wish.run_id
  );
}

/** Wins the permit's claim, or denies by the claim that won. Each `jti` has exactly one act or end. Source: contracts "Then the claim". */
export async function winClaim(store: ObjectStore, wish: ClaimWish, infraRevision: string | null): Promise<Outcome<HeldClaim>> {
  const claim = buildClaim(wish, { claimed_at: wish.now(), ...(infraRevision === null ? {} : { infra_revision: infraRevision }) });
  const seenAtMs = performance.now();
  if (await swapClaim(store, claim, null)) return grantValue({ claim, seenAtMs });
  const found = await readClaim(store, wish.tenant_id, wish.jti);
  // Claims are never deleted, so after a lost race the other claim is there.
  if (found === undefined)
    throw new StorageFault("unavailable", toClaimKey(wish.tenant_id, wish.jti), "The claim was there and is not readable now; try again.");
  if (isOwnClaim(found, wish)) return grantValue(await takeOverClaim(store, wish, found));
  return denyByClaim(found.claim);
}

/** Takes over the claim of an earlier attempt. @throws GhostAttempt if a later attempt holds it. */
export async function takeOverClaim(store: ObjectStore, wish: ClaimWish, found: StoredClaim<ActClaim>): Promise<HeldClaim> {
  if (found.claim.attempt >= wish.attempt)
    throw new GhostAttempt(`Attempt ${found.claim.attempt} holds the claim; this is attempt ${wish.attempt}.`);
  const claim = buildClaim(wish, found.claim);
  const seenAtMs = performance.now();
  if (!(await swapClaim(store, claim, found.version))) throw new GhostAttempt("Another attempt took the claim over at the same time.");
  return { claim, seenAtMs };
}

/** @throws GhostAttempt if this attempt no longer holds the claim. */
export async function assertClaimHeld(store: ObjectStore, held: HeldClaim): Promise<void> {
  const found = await readClaim(store, held.claim.tenant_id, held.claim.jti);
  if (found?.claim.nonce !== held.claim.nonce) throw new GhostAttempt("Another attempt took the claim over.");
}

/** An attempt that takes the claim over keeps its first `claimed_at` and `infra_revision`. */
function buildClaim(wish: ClaimWish, { claimed_at, infra_revision }: Pick<ActClaim, "claimed_at" | "infra_revision">): ActClaim {
  const { tenant_id, jti, envelope_digest, workflow_id, run_id, activity_id, attempt } = wish;
  return {
    kind: "act",
    tenant_id,
    jti,
    envelope_digest,
    workflow_id,
    run_id,
    activity_id,
    attempt,
    nonce: randomUUID(),
    claimed_at,
    ...(infra_revision === undefined ? {} : { infra_revision }),
  };
}

/** Whether the claim was won. The nonce identifies a write of this attempt whose answer was lost. */
async function swapClaim(store: ObjectStore, claim: ActClaim, expected: string | null): Promise<boolean> {
  const version = await swapPointer(store, toClaimKey(claim.tenant_id, claim.jti), expected, toCanonicalBytes(claim));
  if (version !== undefined) return true;
  const found = await readClaim(store, claim.tenant_id, claim.jti);
  return found?.claim.nonce === claim.nonce;
}

function denyByClaim(claim: Claim): Outcome<never> {
  if (claim.kind === "act") return denyWith("permit_used", "The permit has been used; a permit is for one act.");
  if (claim.end === "expired") return denyWith("permit_expired", `The permit was recorded as expired: ${claim.reason}`);
  return denyWith("permit_revoked", `The permit was ended (${claim.end}): ${claim.reason}`);
}
