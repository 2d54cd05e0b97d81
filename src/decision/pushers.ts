import type { PushReceipt } from "../domain/git/push-receipt.js";

/** Who pushed some commits. */
export interface Pushers {
  /** Each person once, in order. */
  readonly person_ids: readonly string[];
  /** False if the pushers of some commit are unknown. The list then contains everyone who ever pushed to the project or merged in it. */
  readonly exact: boolean;
  /**
   * Whether a push that counts names no person. Nobody can then be shown not to have pushed: an act that excludes pushers from approving it
   * must be denied.
   */
  readonly hasUnknown: boolean;
}

/** How far the clocks of two Runners may differ. Source: contracts "Permit, command, claim, receipt". */
const CLOCK_SKEW_MS = 5_000;

/**
 * Finds the persons who first brought one of `commits` to the project, or moved a branch to it, from all pushes and merges of the project,
 * oldest first. If there are too many commits to name (null), or no receipt names one of them as new, everyone who ever pushed or merged
 * counts: excluding one person too many is safer than missing the pusher. An act of an agent or app counts as that of the person who
 * answers for it. Source: contracts "Decided twice".
 */
export function findPushers(pushes: readonly PushReceipt[], commits: readonly string[] | null): Pushers {
  if (commits === null) return countPushes(pushes, false);
  const wanted = new Set(commits);
  const firstBrought = new Map<string, number>();
  for (const [at, { brought = [] }] of pushes.entries())
    for (const commit of brought) if (wanted.has(commit) && !firstBrought.has(commit)) firstBrought.set(commit, at);
  if (firstBrought.size < wanted.size) return countPushes(pushes, false);
  const unnamed = findUnnamedBringers(pushes, new Set(firstBrought.values()));
  const counted = pushes.filter(
    (push, at) => unnamed.has(at) || push.tips.some((id) => wanted.has(id)) || push.brought?.some((id) => wanted.has(id)) === true,
  );
  return countPushes(counted, true);
}

/**
 * Finds the pushes that name no commits and may have brought one before the push at one of the positions `first` did. That push did not
 * see what another one had stored only if both ran at the same time.
 */
function findUnnamedBringers(pushes: readonly PushReceipt[], first: ReadonlySet<number>): ReadonlySet<number> {
  const found = new Set<number>();
  let earliestStart = Number.POSITIVE_INFINITY;
  for (let at = pushes.length - 1; at >= 0; at--) {
    const push = pushes[at];
    if (push === undefined) continue;
    if (push.brought === undefined && push.finished_at + CLOCK_SKEW_MS >= earliestStart) found.add(at);
    if (first.has(at)) earliestStart = Math.min(earliestStart, push.started_at);
  }
  return found;
}

function countPushes(pushes: readonly PushReceipt[], isCovered: boolean): Pushers {
  const persons = new Set(pushes.map(({ person_id }) => person_id));
  const hasUnknown = persons.delete(null);
  return { person_ids: [...persons].filter((id) => id !== null).sort(), exact: isCovered && !hasUnknown, hasUnknown };
}
