import { setTimeout as sleep } from "node:timers/promises";

export interface PollOptions {
  /** How long to keep trying. */
  timeoutMs: number;
  /** The pause between two tries; 50 ms by default. */
  everyMs?: number;
}

/**
 * Calls `probe` until it returns something other than `undefined`, and returns that. Returns `undefined` when the time is up. If `probe`
 * throws, polling stops with its error.
 */
export async function poll<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  { timeoutMs, everyMs = 50 }: PollOptions,
): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const result = await probe();
    if (result !== undefined) return result;
    if (performance.now() >= deadline) return undefined;
    await sleep(everyMs);
  }
}
