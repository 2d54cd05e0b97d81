import { CommanderError } from "commander";
import { EXIT } from "./exit-codes.js";
import { reportFailure } from "./output.js";
import { program } from "./program.js";
import { UsageError } from "./usage.js";

const json = process.argv.includes("--json");
try {
  await program().parseAsync();
} catch (error) {
  process.exitCode = error instanceof CommanderError ? commanderExit(error) : reportFailure(error, json);
}

/** Commander has printed its own sentence, or the help that was asked for. */
function commanderExit(error: CommanderError): number {
  if (error.exitCode === 0) return EXIT.ok;
  if (json) reportFailure(new UsageError(error.message), true);
  return EXIT.usage;
}
