import { spawn } from "node:child_process";

export interface Execution {
  /** The exit code; `undefined` when it could not be started or was ended by a signal. */
  code: number | undefined;
  /** Standard output and standard error together, the last part when there is much of it. */
  output: string;
  timed_out: boolean;
}

export interface ExecuteOptions {
  env: NodeJS.ProcessEnv;
  timeout_ms: number;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** Asked every 250 ms; the command is ended when it answers true. */
  abandon?(): boolean | Promise<boolean>;
}

const kept_bytes = 64 * 1024;

/**
 * Runs a command without a shell, in a process group of its own that is killed whole when the time is over.
 * Never throws: a command that cannot be started is an execution without a code.
 */
export function execute(command: string, args: readonly string[], options: ExecuteOptions): Promise<Execution> {
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
    let timed_out = false;
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString("utf8")).slice(-kept_bytes);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const end = (): void => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      timed_out = true;
      process.kill(-child.pid, "SIGKILL");
    };
    const endWithUs = (): void => end();
    process.once("exit", endWithUs);
    const timer = setTimeout(end, options.timeout_ms);
    const watch = setInterval(async () => {
      if (await options.abandon?.()) end();
    }, 250);
    const settle = (code: number | undefined): void => {
      clearTimeout(timer);
      clearInterval(watch);
      process.removeListener("exit", endWithUs);
      resolve({ code, output, timed_out });
    };
    child.once("error", (error) => {
      output += error.message;
      settle(undefined);
    });
    child.once("close", (code) => settle(code ?? undefined));
  });
}
