import { writeSync } from "node:fs";

const STANDARD_ERROR = 2;

/**
 * Runs a process's composition root. What keeps it from starting or ends it is said in a sentence on standard error, with its causes and
 * without a stack trace, and the process ends with code 1.
 */
export async function runMain(name: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    writeSync(STANDARD_ERROR, `${name}: ${formatErrorWithCauses(error)}\n`);
    // Connections and processes that were opened before would keep it alive.
    process.exit(1);
  }
}

/** The message and, where it does not repeat it, each cause. */
function formatErrorWithCauses(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message === "" ? error.name : error.message;
  if (error.cause === undefined) return message;
  const cause = formatErrorWithCauses(error.cause);
  return message.includes(cause) ? message : `${message} (${cause})`;
}
