import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface Peer {
  readonly process: ChildProcess;
  /** Sends a line, if given. Returns the next line from the process. */
  ask(line?: string): Promise<string>;
  kill(): Promise<void>;
}

/** Runs a script beside this file in a child process. */
export function startPeer(script: string, ...args: string[]): Peer {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const process_ = spawn(process.execPath, ["--import", "tsx", path, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: process_.stdout })[Symbol.asyncIterator]();
  return {
    process: process_,
    ask: async (line) => {
      if (line !== undefined) {
        process_.stdin.write(`${line}\n`);
      }
      const answer = await lines.next();
      if (answer.done) {
        throw new Error(`${script} ended without an answer`);
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
