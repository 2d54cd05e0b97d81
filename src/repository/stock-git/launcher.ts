import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { GitFault } from "../git-fault.js";

/** One start of a command, as launcher.mjs reads it. */
export interface LaunchRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly input?: Uint8Array;
  readonly inputPath?: string;
  readonly inputOffset: number;
  readonly outputPath?: string;
  readonly maxOutput: number;
  readonly timeoutMs: number;
}

export interface LaunchAnswer {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stopped?: "timed_out" | "output_too_large" | "aborted" | "failed";
  readonly failure: string;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

interface Waiting {
  readonly resolve: (answer: LaunchAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** The channel to launcher.mjs. Starts it with the first request and again after a failure; `close` ends it. */
export class Launcher {
  readonly #waiting = new Map<number, Waiting>();
  #process: ChildProcess | undefined;
  #nextId = 1;

  /** @throws GitFault `aborted` if the signal fires, `git_failed` if the launcher fails. */
  async launch(request: LaunchRequest, signal?: AbortSignal): Promise<LaunchAnswer> {
    if (signal?.aborted) throw buildAbortedFault();
    const launcher = this.#ensureRunning();
    const id = this.#nextId++;
    const cancel = () => launcher.send({ id, cancel: true });
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      return await new Promise<LaunchAnswer>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        // A channel with a pending request must keep the process alive; an idle one must not.
        launcher.channel?.ref();
        launcher.send({ id, ...request }, (error) => {
          if (error !== null) reject(buildLostFault(error));
        });
      });
    } finally {
      signal?.removeEventListener("abort", cancel);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) launcher.channel?.unref();
    }
  }

  /** Ends the process. The next request starts another one. */
  close(): void {
    const launcher = this.#process;
    this.#process = undefined;
    if (launcher?.connected) launcher.disconnect();
  }

  #ensureRunning(): ChildProcess {
    if (this.#process?.connected) return this.#process;
    const launcher = fork(fileURLToPath(new URL("./launcher.mjs", import.meta.url)), [], {
      env: {},
      execArgv: ["--max-semi-space-size=1"],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    launcher.unref();
    launcher.on("message", (message) => {
      const { id, ...answer } = message as LaunchAnswer & { id: number };
      this.#waiting.get(id)?.resolve(answer);
    });
    const rejectWaiting = (cause?: Error) => {
      if (this.#process !== launcher) return;
      this.#process = undefined;
      for (const { reject } of this.#waiting.values()) reject(buildLostFault(cause));
    };
    launcher.on("error", rejectWaiting);
    launcher.on("exit", () => rejectWaiting());
    this.#process = launcher;
    return launcher;
  }
}

const shared = new Launcher();
let users = 0;

/** Returns the launcher of this process, which all tenants share, since it keeps nothing of a request. {@link releaseLauncher} gives it back. */
export function acquireLauncher(): Launcher {
  users += 1;
  return shared;
}

/** Ends the launcher's process when nobody uses it any more. */
export function releaseLauncher(): void {
  users -= 1;
  if (users === 0) shared.close();
}

export function buildAbortedFault(): GitFault {
  return new GitFault("aborted", "The work was stopped before it was finished; nothing of it is visible. Run the command again.");
}

function buildLostFault(cause?: Error): GitFault {
  return new GitFault("git_failed", "The process that starts git has failed; it is restarted with the next act. Try again.", cause);
}
