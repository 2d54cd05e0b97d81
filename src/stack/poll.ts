import { setTimeout as sleep } from "node:timers/promises";

export interface PollOptions {
  /** The longest time to keep trying. */
  timeout_ms: number;
  /** The pause between two tries; 50 ms when absent. */
  every_ms?: number;
}

/**
 * Tries `probe` until it answers something other than `undefined`, and returns that.
 * Answers `undefined` when the time is over; a throwing probe ends the polling with its error.
 */
export async function poll<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  { timeout_ms, every_ms = 50 }: PollOptions,
): Promise<T | undefined> {
  const deadline = performance.now() + timeout_ms;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (performance.now() >= deadline) return undefined;
    await sleep(every_ms);
  }
}
