import { anchorer, lab256 } from "./activities.js";

/**
 * What a schedule does from time to time: ends permits that nobody used, and anchors the newest signed heads of the ledger in the
 * object store. Answers how much there was to do.
 */
export async function housekeeping(): Promise<{ ended_permits: number; anchored_heads: number }> {
  const ended_permits = await lab256.sweepPermits();
  const heads = await lab256.headsToAnchor();
  if (heads.length > 0) {
    await anchorer.anchorHeads(heads);
    await lab256.recordAnchored(heads);
  }
  return { ended_permits, anchored_heads: heads.length };
}
