import type { EXIT, ExitCode } from "./exit-codes.js";

/** The command was called in a way that cannot mean anything; the message names the field and the next step. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command did what it was asked, and what came of it is not success. The output has been printed already. */
export class UnsuccessfulExit extends Error {
  override readonly name = "Ended";

  constructor(readonly exit: Exclude<ExitCode, typeof EXIT.ok>) {
    super(`ended with exit code ${exit}`);
  }
}
