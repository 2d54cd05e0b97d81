/** Runs child processes for run.mjs and passes signals on to them. Plain Node, no dependency. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

const running = new Set();

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    if (running.size === 0) process.exit(128 + constants.signals[signal]);
    // A terminal sends Ctrl-C to the whole process group, and a second signal would make a child skip its shutdown.
    if (signal === "SIGINT" && process.stdin.isTTY) return;
    for (const child of running) child.kill(signal);
  });
}

// The other children end together with this process after one was interrupted.
process.on("exit", () => {
  for (const child of running) child.kill();
});

/** Runs Node with these arguments. Returns its exit code, and its output if it is not `shown`. */
export function runNode(args, { cwd, shown, env = process.env }) {
  return new Promise((resolve, reject) => {
    const stdio = shown ? "inherit" : ["ignore", "pipe", "pipe"];
    const child = spawn(process.execPath, args, { cwd, stdio, env });
    let output = "";
    const keep = (chunk) => {
      output += chunk;
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    running.add(child);
    child.once("error", reject);
    child.once("close", (code, signal) => {
      running.delete(child);
      resolve({ code: code ?? 128 + constants.signals[signal], output, interrupted: code === null || code > 128 });
    });
  });
}
