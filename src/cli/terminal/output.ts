import { GitRefused } from "../../client/git/git-command.js";
import { formatProblem, Refused, RegistryFault } from "../../client/http/problem.js";
import { toShownLine } from "../../domain/shown-text.js";
import { EXIT, type ExitCode, toExitCode } from "../exit-codes.js";
import { CliFailure, UnsuccessfulExit } from "../failure.js";

/** Prints a command's output: one JSON value a line for programs, text for people. */
export interface Output {
  readonly json: boolean;
  print(value: unknown, text: string): void;
  /** Prints a remark for a person on standard error; nothing in JSON. */
  remark(text: string): void;
}

export function createOutput(json: boolean): Output {
  return {
    json,
    print: (value, text) =>
      void process.stdout.write(json ? `${JSON.stringify(value)}\n` : text === "" ? "" : `${replaceControlCharacters(text)}\n`),
    remark: (text) => void (json || process.stderr.write(`${replaceControlCharacters(text)}\n`)),
  };
}

/** Keeps stored text from moving the cursor or reversing what an approver reads (Unicode UTS #55). */
function replaceControlCharacters(text: string): string {
  return text.replace(/[^\n\t]+/g, toShownLine);
}

/** Prints why a command failed. Returns its exit code. */
export function reportFailure(error: unknown, json: boolean): ExitCode {
  if (error instanceof UnsuccessfulExit) return error.exit;
  const { exit, code, message, problem } = describeFailure(error);
  if (json)
    process.stdout.write(`${JSON.stringify({ ok: false, code, error: message, exit, ...(problem === undefined ? {} : { problem }) })}\n`);
  else process.stderr.write(`ogr: ${replaceControlCharacters(message)}\n`);
  return exit;
}

function describeFailure(error: unknown): { exit: ExitCode; code: string; message: string; problem?: unknown } {
  if (error instanceof Refused) {
    const { code, status } = error.problem;
    return { exit: toExitCode(code, Number(status)), code, message: formatProblem(error.problem), problem: error.problem };
  }
  if (error instanceof CliFailure) return error;
  if (error instanceof RegistryFault || error instanceof GitRefused) return { exit: EXIT.error, code: "error", message: error.message };
  // An unexpected error: its stack would tell the caller nothing.
  return { exit: EXIT.error, code: "internal", message: error instanceof Error ? error.message : String(error) };
}
