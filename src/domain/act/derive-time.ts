const DERIVE_AT_LEAST_MS = 600_000;

/**
 * How long what follows from a receipt may take before it is tried anew, in milliseconds: as long as the act itself, and never less
 * than ten minutes, because the archive of a large release that ended early would end early every time.
 */
export function computeDeriveMaxMs(maxRunMs: number): number {
  return Math.max(maxRunMs, DERIVE_AT_LEAST_MS);
}
