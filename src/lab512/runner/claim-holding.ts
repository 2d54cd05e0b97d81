import { randomUUID } from "node:crypto";
import { computeAbandonedAtMs } from "../../domain/act/derive-time.js";
import { pickMarks } from "../../domain/act/marks.js";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { signObject, verifySignedObject } from "../../domain/bytes/signature.js";
import type { CharterVersions } from "../../domain/charter/versions.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { type Claim, claimSchema } from "../../domain/permit/claim.js";
import { toClaimKey } from "../../domain/storage-key.js";
import { readClaim, type StoredClaim } from "../../storage/claims.js";
import { type ObjectStore, StorageFault } from "../../storage/ports.js";
import { swapPointer } from "../git/swap-pointer.js";
import type { Execution, RunnerDependencies } from "./dependencies.js";

/** Another attempt at the same command holds the claim, so this one stops without an answer. */
export class GhostAttempt extends Error {
  override readonly name = "GhostAttempt";
}

/**
 * A claim that this attempt holds. `seenAtMs` is the `performance.now()` at which its write began; at that time, no other attempt held
 * the claim.
 */
export interface HeldClaim {
  readonly claim: Claim;
  readonly seenAtMs: number;
}

/** A claim, and whether an earlier attempt had won it, which may still write. */
export interface WonClaim {
  readonly held: HeldClaim;
  readonly isTakenOver: boolean;
}

export interface ClaimRequest extends Omit<Execution, "signal"> {
  readonly tenant_id: string;
  readonly jti: string;
  readonly envelope_digest: string;
  readonly max_run_ms: number;
}

/** What the first attempt found when it checked the act. */
export type CheckedAct = Pick<Claim, "infra_revision" | "pinned_target" | "break_glass" | "solo" | "statement_digests">;

/**
 * Returns whether a Runner claimed the permit for this same envelope, in an earlier attempt of this execution or in another execution that has
 * abandoned it. The claim is signed by a receipt key of the charter's version that it names, since the key may have been rotated since.
 */
export async function mayCarryOn(deps: RunnerDependencies, { claim }: StoredClaim, request: ClaimRequest): Promise<boolean> {
  const isSameCommand =
    claim.tenant_id === request.tenant_id && claim.jti === request.jti && claim.envelope_digest === request.envelope_digest;
  if (!isSameCommand) return false;
  // The claim's first attempt checked the envelope, and with it the run time that its permit allows.
  if (!isSameExecution(claim, request) && deps.now() < computeAbandonedAtMs(claim.claimed_at, request.max_run_ms)) return false;
  const charter = await deps.charters.readNewest(request.tenant_id);
  const jwk = charter.ok ? charter.value.findKeyAt(claim.kid, "receipt", claim) : undefined;
  return jwk !== undefined && verifySignedObject("claim", claim, { keys: [jwk] }) === "valid";
}

function isSameExecution(claim: Claim, request: ClaimRequest): boolean {
  return claim.workflow_id === request.workflow_id && claim.run_id === request.run_id;
}

/** Wins the permit's claim, or denies because another command has it. Source: contracts "Then the claim". */
export async function winClaim(
  deps: RunnerDependencies,
  store: ObjectStore,
  request: ClaimRequest,
  versions: CharterVersions,
  checked: CheckedAct,
): Promise<Outcome<WonClaim>> {
  const claim = buildClaim(deps, request, versions, { claimed_at: deps.now(), ...checked });
  const seenAtMs = performance.now();
  if (await swapClaim(store, claim, null)) return grantValue({ held: { claim, seenAtMs }, isTakenOver: false });
  const found = await readClaim(store, request.tenant_id, request.jti);
  // Claims are never deleted, so after a lost race the other claim exists.
  if (found === undefined)
    throw new StorageFault(
      "unavailable",
      toClaimKey(request.tenant_id, request.jti),
      "The claim was there and is not readable now; try again.",
    );
  if (await mayCarryOn(deps, found, request))
    return grantValue({ held: await takeOverClaim(deps, store, request, found), isTakenOver: true });
  return denyWith("permit_used", "The permit has been used; a permit is for one act.");
}

/**
 * Takes over the claim of an earlier attempt. Attempts of one execution follow each other by their numbers; whoever carries on another
 * execution's act follows by the conditional write alone, since anyone who reaches Temporal chooses the numbers.
 *
 * @throws GhostAttempt if a later attempt holds it.
 */
export async function takeOverClaim(
  deps: RunnerDependencies,
  store: ObjectStore,
  request: ClaimRequest,
  found: StoredClaim,
): Promise<HeldClaim> {
  if (isSameExecution(found.claim, request) && found.claim.attempt >= request.attempt)
    throw new GhostAttempt(`Attempt ${found.claim.attempt} holds the claim; this is attempt ${request.attempt}.`);
  const charter = await deps.charters.readNewest(request.tenant_id);
  if (!charter.ok) throw new Error(`${charter.denial.message} Without its charter no act of ${request.tenant_id} is taken over.`);
  const claim = buildClaim(deps, request, charter.value.versions, found.claim);
  const seenAtMs = performance.now();
  if (!(await swapClaim(store, claim, found.version))) throw new GhostAttempt("Another attempt took the claim over at the same time.");
  return { claim, seenAtMs };
}

/** @throws GhostAttempt if this attempt no longer holds the claim. */
export async function assertClaimHeld(store: ObjectStore, held: HeldClaim): Promise<void> {
  const found = await readClaim(store, held.claim.tenant_id, held.claim.jti);
  if (found?.claim.nonce !== held.claim.nonce) throw new GhostAttempt("Another attempt took the claim over.");
}

/** An attempt that takes over a claim keeps when it was first won, and what the act was checked against. */
function buildClaim(
  deps: RunnerDependencies,
  request: ClaimRequest,
  versions: CharterVersions,
  { claimed_at, infra_revision, pinned_target, statement_digests, ...checked }: Pick<Claim, "claimed_at"> & CheckedAct,
): Claim {
  const { tenant_id, jti, envelope_digest, workflow_id, run_id, activity_id, attempt } = request;
  const claim = {
    tenant_id,
    jti,
    envelope_digest,
    workflow_id,
    run_id,
    activity_id,
    attempt,
    nonce: randomUUID(),
    claimed_at,
    ...versions,
    statement_digests,
    ...(infra_revision === undefined ? {} : { infra_revision }),
    ...(pinned_target === undefined ? {} : { pinned_target }),
    ...pickMarks(checked),
  };
  // Nobody could read a malformed claim, and none is ever deleted.
  return claimSchema.parse(signObject("claim", claim, deps.receiptKey));
}

/** Returns whether the claim was won. The nonce identifies a write of this attempt whose response was lost. */
async function swapClaim(store: ObjectStore, claim: Claim, expected: string | null): Promise<boolean> {
  const version = await swapPointer(store, toClaimKey(claim.tenant_id, claim.jti), expected, toCanonicalBytes(claim));
  if (version !== undefined) return true;
  const found = await readClaim(store, claim.tenant_id, claim.jti);
  return found?.claim.nonce === claim.nonce;
}
