/** Receives one human-readable line at a time, without its newline. */
export type Log = (line: string) => void;

const every_ms = 5_000;

/** Renders a duration as a person reads it: `4.2 s`, `3 min 20 s`. */
export function renderElapsed(elapsed_ms: number): string {
  const seconds = elapsed_ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/**
 * Runs `work` and says every few seconds that it still goes on, and how long it took in the end.
 * A failure of `work` is passed on unchanged.
 */
export async function withProgress<T>(log: Log, what: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const elapsed = (): string => renderElapsed(performance.now() - startedAt);
  log(`${what} …`);
  const ticker = setInterval(() => log(`${what} … ${elapsed()}`), every_ms);
  try {
    const result = await work();
    log(`${what}: done in ${elapsed()}`);
    return result;
  } finally {
    clearInterval(ticker);
  }
}
