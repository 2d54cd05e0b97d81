/** Receives one human-readable line at a time, without its newline. */
export interface Log {
  (line: string): void;
  /** Whether a person is watching the lines as they come; false by default. */
  readonly isTerminal?: boolean;
}

const TICK_MS = 5_000;

/** Returns a log that writes to a stream of this process. */
export function createStreamLog(stream: NodeJS.WriteStream): Log {
  return Object.assign((line: string) => void stream.write(`${line}\n`), { isTerminal: stream.isTTY === true });
}

/** Formats a duration: `4.2 s`, `3 min 20 s`. */
export function formatDuration(elapsedMs: number): string {
  const seconds = elapsedMs / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/**
 * Runs `work`. Logs one line when it starts and one when it succeeds; on a terminal also one every few seconds. Throws what `work`
 * throws.
 */
export async function withProgress<T>(log: Log, what: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const formatElapsed = (): string => formatDuration(performance.now() - startedAt);
  log(`${what} …`);
  const ticker = log.isTerminal ? setInterval(() => log(`${what} … ${formatElapsed()}`), TICK_MS) : undefined;
  try {
    const result = await work();
    log(`${what}: done in ${formatElapsed()}`);
    return result;
  } finally {
    clearInterval(ticker);
  }
}
