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

/**
 * A claim that this attempt holds. `seenAtMs` is the `performance.now()` at which its write began; at that time, no other attempt held
 * the claim.
 */
export interface HeldClaim {
  readonly claim: ActClaim;
  readonly seenAtMs: number;
}

export interface ClaimRequest extends Omit<Execution, "signal"> {
  readonly tenant_id: string;
  readonly jti: string;
  readonly envelope_digest: string;
  now(): number;
}

/** Returns whether an earlier attempt at this same command won the claim. */
export function isOwnClaim(found: StoredClaim, request: ClaimRequest): found is StoredClaim<ActClaim> {
  const { claim } = found;
  return (
    claim.kind === "act" &&
    claim.envelope_digest === request.envelope_digest &&
    claim.workflow_id === request.workflow_id &&
    claim.run_id === request.run_id
  );
}

/**
 * Wins the permit's claim, or denies according to the claim that won. Each `jti` has exactly one act or end. Source: contracts "Then the
 * claim".
 */
export async function winClaim(store: ObjectStore, request: ClaimRequest, infraRevision: string | null): Promise<Outcome<HeldClaim>> {
  const claim = buildClaim(request, { claimed_at: request.now(), ...(infraRevision === null ? {} : { infra_revision: infraRevision }) });
  const seenAtMs = performance.now();
  if (await swapClaim(store, claim, null)) return grantValue({ claim, seenAtMs });
  const found = await readClaim(store, request.tenant_id, request.jti);
  // Claims are never deleted, so after a lost race the other claim exists.
  if (found === undefined)
    throw new StorageFault(
      "unavailable",
      toClaimKey(request.tenant_id, request.jti),
      "The claim existed but cannot be read now; try again.",
    );
  if (isOwnClaim(found, request)) return grantValue(await takeOverClaim(store, request, found));
  return denyByClaim(found.claim);
}

/**
 * Takes over the claim of an earlier attempt.
 *
 * @throws GhostAttempt if a later attempt holds it.
 */
export async function takeOverClaim(store: ObjectStore, request: ClaimRequest, found: StoredClaim<ActClaim>): Promise<HeldClaim> {
  if (found.claim.attempt >= request.attempt)
    throw new GhostAttempt(`Attempt ${found.claim.attempt} holds the claim; this is attempt ${request.attempt}.`);
  const claim = buildClaim(request, found.claim);
  const seenAtMs = performance.now();
  if (!(await swapClaim(store, claim, found.version))) throw new GhostAttempt("Another attempt took the claim over at the same time.");
  return { claim, seenAtMs };
}

/** @throws GhostAttempt if this attempt no longer holds the claim. */
export async function assertClaimHeld(store: ObjectStore, held: HeldClaim): Promise<void> {
  const found = await readClaim(store, held.claim.tenant_id, held.claim.jti);
  if (found?.claim.nonce !== held.claim.nonce) throw new GhostAttempt("Another attempt took the claim over.");
}

/** An attempt that takes over a claim keeps its original `claimed_at` and `infra_revision`. */
function buildClaim(request: ClaimRequest, { claimed_at, infra_revision }: Pick<ActClaim, "claimed_at" | "infra_revision">): ActClaim {
  const { tenant_id, jti, envelope_digest, workflow_id, run_id, activity_id, attempt } = request;
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

/** Returns whether the claim was won. The nonce identifies a write of this attempt whose response was lost. */
async function swapClaim(store: ObjectStore, claim: ActClaim, expected: string | null): Promise<boolean> {
  const version = await swapPointer(store, toClaimKey(claim.tenant_id, claim.jti), expected, toCanonicalBytes(claim));
  if (version !== undefined) return true;
  const found = await readClaim(store, claim.tenant_id, claim.jti);
  return found?.claim.nonce === claim.nonce;
}

function denyByClaim(claim: Claim): Outcome<never> {
  if (claim.kind === "act") return denyWith("permit_used", "The permit has been used; a permit is valid for one act.");
  if (claim.end === "expired") return denyWith("permit_expired", `The permit was recorded as expired: ${claim.reason}`);
  return denyWith("permit_revoked", `The permit was ended (${claim.end}): ${claim.reason}`);
}
