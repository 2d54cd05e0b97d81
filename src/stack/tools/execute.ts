import { spawn } from "node:child_process";

export interface Execution {
  /** The exit code; `undefined` if the command could not be started or was ended by a signal. */
  code: number | undefined;
  /** Standard output and standard error together; only the last 64 KiB. */
  output: string;
  hasTimedOut: boolean;
}

export interface ExecuteOptions {
  env: NodeJS.ProcessEnv;
  timeoutMs: number;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** Called every 250 ms; the command is killed when it returns true. */
  shouldAbandon?(): boolean | Promise<boolean>;
}

const keptBytes = 64 * 1024;

/**
 * Runs a command without a shell, in its own process group, which is killed when the time is up. Never throws: a command that cannot be
 * started returns an execution without a code.
 */
export function executeProgram(command: string, args: readonly string[], options: ExecuteOptions): Promise<Execution> {
  return new Promise((resolve) => {
    const { env, cwd, uid, gid } = options;
    const child = spawn(command, args, {
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      ...(cwd === undefined ? {} : { cwd }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
    let output = "";
    let hasTimedOut = false;
    const keepOutput = (chunk: Buffer): void => {
      output = (output + chunk.toString("utf8")).slice(-keptBytes);
    };
    child.stdout.on("data", keepOutput);
    child.stderr.on("data", keepOutput);
    const endChild = (): void => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      hasTimedOut = true;
      process.kill(-child.pid, "SIGKILL");
    };
    const endChildWithUs = (): void => endChild();
    process.once("exit", endChildWithUs);
    const timer = setTimeout(endChild, options.timeoutMs);
    const watch = setInterval(async () => {
      if (await options.shouldAbandon?.()) endChild();
    }, 250);
    const settle = (code: number | undefined): void => {
      clearTimeout(timer);
      clearInterval(watch);
      process.removeListener("exit", endChildWithUs);
      resolve({ code, output, hasTimedOut });
    };
    child.once("error", (error) => {
      output += error.message;
      settle(undefined);
    });
    child.once("close", (code) => settle(code ?? undefined));
  });
}
