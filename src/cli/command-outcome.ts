import type { CommandAnswer } from "../client/answers.js";
import { EXIT, exitOfEnd } from "./exit-codes.js";
import type { Output } from "./terminal/output.js";
import { commandText } from "./terminal/text.js";
import { Ended } from "./usage.js";

/** Prints a command that has come to its end. @throws Ended unless it succeeded */
export function commandConcluded(command: CommandAnswer, out: Output, more: readonly string[] = []): void {
  out.print(command, [commandText(command), ...more].join("\n"));
  const exit = exitOfEnd(command.status, command.denial?.code ?? command.receipt?.code);
  if (exit !== EXIT.ok) throw new Ended(exit);
}
