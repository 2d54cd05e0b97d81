import type { Log } from "./progress.js";

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Calls `stop` when this process gets a termination signal or an error is not caught, and then exits. A second signal while stopping is
 * ignored: every child has its own time limit. Returns a function that removes the handlers.
 */
export function stopOnExit(stop: () => Promise<void>, log: Log): () => void {
  let isEnding = false;
  const end = (code: number): void => {
    if (isEnding) return;
    isEnding = true;
    stop().then(
      () => process.exit(code),
      (error: unknown) => {
        log(`the servers did not stop cleanly: ${String(error)}`);
        process.exit(code);
      },
    );
  };
  const signals = Object.keys(exitCodes) as (keyof typeof exitCodes)[];
  const onSignal = (signal: keyof typeof exitCodes): void => end(exitCodes[signal]);
  const onError = (error: unknown): void => {
    log(error instanceof Error ? (error.stack ?? error.message) : String(error));
    end(1);
  };
  for (const signal of signals) process.on(signal, onSignal);
  process.on("uncaughtException", onError);
  return () => {
    for (const signal of signals) process.removeListener(signal, onSignal);
    process.removeListener("uncaughtException", onError);
  };
}
