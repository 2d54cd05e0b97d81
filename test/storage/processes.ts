import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { inject } from "vitest";
import { buildNodeArguments } from "../../src/stack/registry/own-entry.js";
import { resolveTestProcess } from "../harness/processes.js";

export interface Peer {
  readonly process: ChildProcess;
  /** Sends a line, if given. Returns the next line from the process. */
  ask(line?: string): Promise<string>;
  kill(): Promise<void>;
}

/** Runs one of the tests' processes as a child. */
export function startPeer(name: string, ...args: string[]): Peer {
  const entry = resolveTestProcess(name, inject("servers").built);
  const process_ = spawn(process.execPath, [...buildNodeArguments(entry), ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: process_.stdout })[Symbol.asyncIterator]();
  return {
    process: process_,
    ask: async (line) => {
      if (line !== undefined) {
        process_.stdin.write(`${line}\n`);
      }
      const answer = await lines.next();
      if (answer.done) {
        throw new Error(`${name} ended without an answer`);
      }
      return answer.value;
    },
    kill: async () => {
      const ended = once(process_, "exit");
      if (process_.kill("SIGKILL")) {
        await ended;
      }
    },
  };
}
