import { writeSync } from "node:fs";

const STANDARD_ERROR = 2;

/**
 * Runs a process's composition root. If it fails, writes the error and its causes to standard error, without a stack trace, and exits with
 * code 1.
 */
export async function runMain(name: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    writeSync(STANDARD_ERROR, `${name}: ${formatErrorWithCauses(error)}\n`);
    // Open connections and child processes would keep it alive.
    process.exit(1);
  }
}

/** The message and each cause that the message does not contain. */
function formatErrorWithCauses(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message === "" ? error.name : error.message;
  if (error.cause === undefined) return message;
  const cause = formatErrorWithCauses(error.cause);
  return message.includes(cause) ? message : `${message} (${cause})`;
}
