import { confirm, isCancel } from "@clack/prompts";
import { UsageError } from "../failure.js";
import type { Output } from "./output.js";

/** Whether there is a person at the terminal to ask. */
export function canAsk(out: Output): boolean {
  return !out.json && process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Asks for confirmation, which Enter alone does not give, unless `yes` is set or nobody can be asked. @throws UsageError if the answer is no */
export async function requireConsent(
  out: Output,
  question: string,
  { yes = false }: { readonly yes?: boolean | undefined },
): Promise<void> {
  if (yes || !canAsk(out)) return;
  const agreed = await confirm({ message: question, initialValue: false, output: process.stderr });
  if (isCancel(agreed) || !agreed) throw new UsageError("Nothing was sent.");
}
