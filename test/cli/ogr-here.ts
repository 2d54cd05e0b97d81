import { Readable } from "node:stream";
import { vi } from "vitest";
import { runCli } from "../../src/cli/run.js";
import type { OgrAnswer } from "./run-ogr.js";

/**
 * Runs `ogr` in this process, because starting a process takes longer than most commands. The command has its own environment, standard
 * input and output, and stands in `cwd`. Run one command at a time.
 */
export async function runOgrHere(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { input = "", cwd = process.cwd() }: { readonly input?: string; readonly cwd?: string } = {},
): Promise<OgrAnswer> {
  const written = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      written[name] += String(chunk);
      return true;
    }),
  );
  const before = { cwd: process.cwd(), env: process.env, stdin: Object.getOwnPropertyDescriptor(process, "stdin") ?? {} };
  process.env = { PATH: before.env.PATH ?? "", HOME: before.env.HOME ?? "", ...env };
  Object.defineProperty(process, "stdin", { value: Readable.from(input === "" ? [] : [input]), configurable: true });
  try {
    process.chdir(cwd);
    const code = await runCli(words);
    return { code, ...written, json: (schema) => schema.parse(JSON.parse(written.stdout.trim().split("\n").at(-1) ?? "")) };
  } finally {
    process.chdir(before.cwd);
    process.env = before.env;
    Object.defineProperty(process, "stdin", before.stdin);
    for (const spy of spies) spy.mockRestore();
  }
}
