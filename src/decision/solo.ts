import { isLevelAtLeast, type Level } from "../domain/level.js";
import { mapDeciders } from "./charter/deciders.js";
import type { Rules } from "./decide-act.js";

/**
 * Returns whether one person alone can approve in a tenant whose charter is not sealed. That person's own acts need no other person then, below
 * L5. Source: contracts "Charter".
 */
export function waivesForSolo({ charter, policy }: Rules, level: Level): boolean {
  if (charter.sealed || !isLevelAtLeast(level, "L3") || isLevelAtLeast(level, "L5")) return false;
  return mapDeciders(charter, policy).size === 1;
}
