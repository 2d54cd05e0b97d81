const DERIVE_AT_LEAST_MS = 600_000;

/**
 * Computes the maximum time, in milliseconds, of the work after a receipt before it is retried: as long as the act itself, but at least
 * ten minutes, because the archive of a large release would otherwise exceed the limit on every try.
 */
export function computeDeriveMaxMs(maxRunMs: number): number {
  return Math.max(maxRunMs, DERIVE_AT_LEAST_MS);
}
