import { EXIT, type ExitCode } from "./exit-codes.js";

/** An error that carries its exit code and the `code` that `--json` prints. Its message is for a person. */
export abstract class CliFailure extends Error {
  abstract readonly code: string;
  abstract readonly exit: ExitCode;
}

/** The command line makes no sense; the message names the field and the next step. */
export class UsageError extends CliFailure {
  override readonly name = "UsageError";
  readonly code = "usage";
  readonly exit = EXIT.usage;
}

/** The command ran, and its result is not success. Its output is already printed. */
export class UnsuccessfulExit extends Error {
  override readonly name = "UnsuccessfulExit";

  constructor(readonly exit: Exclude<ExitCode, typeof EXIT.ok>) {
    super(`ended with exit code ${exit}`);
  }
}
