import { setTimeout as sleep } from "node:timers/promises";

export interface PollOptions {
  /** The longest time to keep trying. */
  timeoutMs: number;
  /** The pause between two tries; 50 ms when absent. */
  everyMs?: number;
}

/**
 * Tries `probe` until it answers something other than `undefined`, and returns that.
 * Answers `undefined` when the time is over; a throwing probe ends the polling with its error.
 */
export async function poll<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  { timeoutMs, everyMs = 50 }: PollOptions,
): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (performance.now() >= deadline) return undefined;
    await sleep(everyMs);
  }
}
