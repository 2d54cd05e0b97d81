const DERIVE_AT_LEAST_MS = 600_000;

/**
 * The longest time that the work after a receipt may take before it is retried, in milliseconds: as long as the act itself, and at least
 * ten minutes, because the archive of a large release would otherwise exceed its time on every try.
 */
export function computeDeriveMaxMs(maxRunMs: number): number {
  return Math.max(maxRunMs, DERIVE_AT_LEAST_MS);
}
