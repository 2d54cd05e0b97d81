/** How much an act needs before it can happen, from L0 (a read) to L5 (a quorum). Source: ADR-002 §9, Console-001 §5. */
export const LEVELS = ["L0", "L1", "L2", "L3", "L4", "L5"] as const;
export type Level = (typeof LEVELS)[number];

export function isLevelAtLeast(level: Level, minimum: Level): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(minimum);
}

/** Returns whether acts of this level need a card with an approved plan. Source: ADR-002 §9. */
export function needsCard(level: Level): boolean {
  return isLevelAtLeast(level, "L3");
}
