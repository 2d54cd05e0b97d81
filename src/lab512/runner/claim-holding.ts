import { randomUUID } from "node:crypto";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { type ActClaim, type Claim, claimSchema } from "../../domain/permit/claim.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { toClaimKey } from "../../domain/storage-key.js";
import { type ObjectStore, StorageFault } from "../../storage/ports.js";
import type { Execution } from "./dependencies.js";

/** Another attempt of the same command runs on: this one is the ghost and stops without a word. */
export class GhostAttempt extends Error {
  override readonly name = "GhostAttempt";
}

/** A claim that this attempt holds. `seenAtMs`: when, by `performance.now()`, its write began; it was nobody else's up to then. */
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

interface FoundClaim {
  readonly claim: Claim;
  readonly version: string;
}

export async function readClaim(store: ObjectStore, tenantId: string, jti: string): Promise<FoundClaim | undefined> {
  const pointed = await store.pointers.read(toClaimKey(tenantId, jti));
  if (pointed === undefined) return undefined;
  const parsed = parseWith(claimSchema, JSON.parse(Buffer.from(pointed.bytes).toString("utf8")));
  if (!parsed.ok)
    throw new Error(`The claim of ${jti} is malformed (${formatProblems(parsed.problems)}); restore the object from a backup.`);
  return { claim: parsed.value, version: pointed.version };
}

/** Whether a claim was won by an earlier attempt of this very command. */
export function isOwnClaim(found: Claim, wish: ClaimWish): found is ActClaim {
  return (
    found.kind === "act" &&
    found.envelope_digest === wish.envelope_digest &&
    found.workflow_id === wish.workflow_id &&
    found.run_id === wish.run_id
  );
}

/** Wins the permit's claim, or finds who has. Exactly one act or end per `jti`. Source: contracts "Then the claim". */
export async function winClaim(store: ObjectStore, wish: ClaimWish, infraRevision: string | null): Promise<Outcome<HeldClaim>> {
  const claim = buildClaim(wish, { claimed_at: wish.now(), ...(infraRevision === null ? {} : { infra_revision: infraRevision }) });
  const seenAtMs = performance.now();
  if (await swapClaim(store, claim, null)) return grantValue({ claim, seenAtMs });
  const found = await readClaim(store, wish.tenant_id, wish.jti);
  // Claims are never deleted, so one that lost the race is there.
  if (found === undefined)
    throw new StorageFault("unavailable", toClaimKey(wish.tenant_id, wish.jti), "The claim was there and is not readable now; try again.");
  if (isOwnClaim(found.claim, wish)) return grantValue(await takeOverClaim(store, wish, { claim: found.claim, version: found.version }));
  return denyByClaim(found.claim);
}

/** Takes the claim of an earlier attempt over. @throws GhostAttempt when a later attempt holds it. */
export async function takeOverClaim(
  store: ObjectStore,
  wish: ClaimWish,
  found: { readonly claim: ActClaim; readonly version: string },
): Promise<HeldClaim> {
  if (found.claim.attempt >= wish.attempt)
    throw new GhostAttempt(`Attempt ${found.claim.attempt} holds the claim; this is attempt ${wish.attempt}.`);
  const claim = buildClaim(wish, found.claim);
  const seenAtMs = performance.now();
  if (!(await swapClaim(store, claim, found.version))) throw new GhostAttempt("Another attempt took the claim over at the same time.");
  return { claim, seenAtMs };
}

/** @throws GhostAttempt when the claim is no longer this attempt's. */
export async function assertClaimHeld(store: ObjectStore, held: HeldClaim): Promise<void> {
  const found = await readClaim(store, held.claim.tenant_id, held.claim.jti);
  if (found?.claim.nonce !== held.claim.nonce) throw new GhostAttempt("Another attempt took the claim over.");
}

/** When the act was claimed first, and what it was checked by, pass on to whoever takes it over. */
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

/** Whether the claim was won; one's own write whose answer was lost is recognised by its nonce. */
async function swapClaim(store: ObjectStore, claim: ActClaim, expected: string | null): Promise<boolean> {
  try {
    const result = await store.pointers.swap(toClaimKey(claim.tenant_id, claim.jti), expected, toCanonicalBytes(claim));
    if (result.won) return true;
  } catch (error) {
    if (!(error instanceof StorageFault) || error.code !== "outcome_unknown") throw error;
  }
  const found = await readClaim(store, claim.tenant_id, claim.jti);
  return found?.claim.nonce === claim.nonce;
}

function denyByClaim(claim: Claim): Outcome<never> {
  if (claim.kind === "act") return denyWith("permit_used", "The permit has been used; a permit is for one act.");
  if (claim.end === "expired") return denyWith("permit_expired", `The permit was recorded as expired: ${claim.reason}`);
  return denyWith("permit_revoked", `The permit was ended (${claim.end}): ${claim.reason}`);
}
