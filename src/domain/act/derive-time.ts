const DERIVE_AT_LEAST_MS = 600_000;

/**
 * Computes the maximum time, in milliseconds, of the work after a receipt before it is retried: as long as the act itself, but at least
 * ten minutes, because the archive of a large release would otherwise exceed the limit on every try.
 */
export function computeDeriveMaxMs(maxRunMs: number): number {
  return Math.max(maxRunMs, DERIVE_AT_LEAST_MS);
}

/** What one attempt at an act may take beyond its work: reading before the claim, and searching for a late result. */
const ATTEMPT_MARGIN_MS = 60_000;

/** Computes the maximum time of one attempt at an act, in milliseconds. Its scheduler then ends it. */
export function computeAttemptMaxMs(maxRunMs: number): number {
  return maxRunMs + computeDeriveMaxMs(maxRunMs) + ATTEMPT_MARGIN_MS;
}

/**
 * Computes when an act without a receipt counts as abandoned by the execution that claimed it, in milliseconds since 1970. By then its
 * attempt has ended, and no other one may move a ref, because the act's run time is over.
 */
export function computeAbandonedAtMs(claimedAtMs: number, maxRunMs: number): number {
  return claimedAtMs + computeAttemptMaxMs(maxRunMs);
}
