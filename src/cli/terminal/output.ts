import { GitRefused } from "../../client/git/git-command.js";
import { formatProblem, Refused, RegistryFault } from "../../client/http/problem.js";
import { InfraRefused } from "../commands/infra/refused.js";
import { EXIT, type ExitCode, toExitCode } from "../exit-codes.js";
import { UnsuccessfulExit, UsageError } from "../usage.js";

/** Prints what a command has to say: one JSON value a line for programs, text for people. */
export interface Output {
  readonly json: boolean;
  print(value: unknown, text: string): void;
  /** A remark for a person, beside the output. */
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

/** Nobody's words move the cursor or turn the direction of the text: what an approver reads is what is there (Unicode UTS #55). */
function replaceControlCharacters(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (character) => (character === "\n" || character === "\t" ? character : "\uFFFD"));
}

/** Says why a command failed, in a sentence, and answers its exit code. */
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
    const next = code === "approval_required" && error.problem.next === undefined ? " Open a card for it: add --card." : "";
    return { exit: toExitCode(code, Number(status)), code, message: formatProblem(error.problem) + next, problem: error.problem };
  }
  if (error instanceof InfraRefused) return { exit: error.exit, code: error.code, message: `${error.message} (${error.code})` };
  if (error instanceof UsageError) return { exit: EXIT.usage, code: "usage", message: error.message };
  if (error instanceof RegistryFault || error instanceof GitRefused) return { exit: EXIT.error, code: "error", message: error.message };
  // What nobody foresaw: the sentence without its stack, which says nothing to the person who called.
  return { exit: EXIT.error, code: "internal", message: error instanceof Error ? error.message : String(error) };
}
