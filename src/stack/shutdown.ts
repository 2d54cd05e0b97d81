import type { Log } from "./progress.js";

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Reaches `stop` also when this process is asked to end or an error escapes, and then ends it. A second signal while
 * stopping changes nothing: every child has its own time limit. Answers a function that takes the handlers away.
 */
export function stopOnExit(stop: () => Promise<void>, log: Log): () => void {
  let ending = false;
  const end = (code: number): void => {
    if (ending) return;
    ending = true;
    stop().then(
      () => process.exit(code),
      (error: unknown) => {
        log(`the servers did not stop in order: ${String(error)}`);
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
