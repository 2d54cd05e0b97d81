import { CommanderError } from "commander";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { UsageError } from "./failure.js";
import { buildProgram } from "./program.js";
import { reportFailure } from "./terminal/output.js";

/** Runs the words after `ogr`. Returns the exit code. */
export async function runCli(words: readonly string[]): Promise<ExitCode> {
  const json = words.includes("--json");
  try {
    await buildProgram().parseAsync(words, { from: "user" });
    return EXIT.ok;
  } catch (error) {
    return error instanceof CommanderError ? handleCommanderError(error, json) : reportFailure(error, json);
  }
}

/** Commander has already printed its message, or the requested help. */
function handleCommanderError(error: CommanderError, json: boolean): ExitCode {
  if (error.exitCode === 0) return EXIT.ok;
  if (json) reportFailure(new UsageError(error.message), true);
  return EXIT.usage;
}
