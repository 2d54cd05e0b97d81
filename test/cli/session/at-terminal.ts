import { execFileSync, spawn } from "node:child_process";
import { buildBareEnvironment, resolveOgr } from "../run-ogr.js";

/** Makes a terminal for a command, and hands its keys and its output on. */
const TERMINAL = "script";

/** Whether this machine has util-linux's `script`, which makes a terminal. */
export function hasTerminals(): boolean {
  try {
    return execFileSync(TERMINAL, ["--version"], { encoding: "utf8" }).includes("util-linux");
  } catch {
    return false;
  }
}

/** Runs `ogr` at a terminal of its own, and presses a key when it is asked something. */
export function runAtTerminal(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  key: string,
): Promise<{ code: number | null; output: string }> {
  const line = `stty cols 120 rows 40; ${[process.execPath, resolveOgr(), ...args].map((word) => `'${word}'`).join(" ")}`;
  const environment = { ...buildBareEnvironment(), TERM: "xterm", ...env };
  const child = spawn(TERMINAL, ["--quiet", "--return", "--command", line, "/dev/null"], {
    env: environment,
    stdio: ["pipe", "pipe", "inherit"],
  });
  let output = "";
  let isAnswered = false;
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString("utf8");
    if (isAnswered || !output.includes("?")) return;
    isAnswered = true;
    child.stdin.write(key);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject).once("close", (code) => resolve({ code, output }));
  });
}
