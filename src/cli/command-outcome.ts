import type { CommandAnswer } from "../client/answers.js";
import { EXIT, toEndExitCode } from "./exit-codes.js";
import type { Output } from "./terminal/output.js";
import { formatCommand } from "./terminal/text.js";
import { UnsuccessfulExit } from "./usage.js";

/** Prints a command that has come to its end. @throws Ended unless it succeeded */
export function reportCommandEnd(command: CommandAnswer, out: Output, more: readonly string[] = []): void {
  out.print(command, [formatCommand(command), ...more].join("\n"));
  const exit = toEndExitCode(command.status, command.denial?.code ?? command.receipt?.code);
  if (exit !== EXIT.ok) throw new UnsuccessfulExit(exit);
}
