import { GitFault } from "../git-fault.js";
import type { Scope } from "../scope.js";
import { acquireLauncher, buildAbortedFault, type Launcher, releaseLauncher } from "./launcher.js";

/** The oldest git with `merge-tree --write-tree`, `cat-file --batch-command` and a built-in gzip for `git archive`. */
const OLDEST_GIT = [2, 39] as const;

const TIMEOUT_MS = 600_000;
const OUTPUT_MAX_BYTES = 16 * 1024 * 1024;

/** The signals of a failed assertion or an invalid memory access. Operators and the out-of-memory killer send others. */
const CRASH_SIGNALS: ReadonlySet<string> = new Set(["SIGABRT", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL"]);

/** Settings that no repository, user or system may change. */
const SETTINGS = [
  "core.hooksPath=/dev/null",
  "core.attributesFile=/dev/null",
  "core.excludesFile=/dev/null",
  "core.fsmonitor=false",
  "core.quotePath=false",
  "core.autocrlf=false",
  "gc.auto=0",
  "maintenance.auto=false",
  "protocol.allow=never",
  "safe.directory=*",
].flatMap((setting) => ["-c", setting]);

export interface GitCall {
  /** The repository that git works in. */
  readonly gitDir?: string;
  readonly args: readonly string[];
  /** The working directory; the scope's root by default. */
  readonly cwd?: string;
  /** The standard input: bytes, or a file from an offset. Empty by default. */
  readonly input?: Uint8Array | { readonly path: string; readonly offsetBytes: number };
  /** A new file that receives git's output instead of memory. */
  readonly outputPath?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly outputMaxBytes?: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface GitAnswer {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs stock git in one tenant's folder, within limits, isolated from the user's configuration, hooks, environment and prompts. */
export class StockGit {
  #launcher: Launcher | undefined = acquireLauncher();

  constructor(readonly scope: Scope) {}

  /**
   * Runs git and returns its answer with any exit code.
   *
   * @throws GitFault if it could not run, was stopped, or reached a limit.
   */
  async run(call: GitCall): Promise<GitAnswer> {
    const { input } = call;
    const file = input !== undefined && "path" in input ? input : undefined;
    for (const path of [call.gitDir, call.cwd, file?.path, call.outputPath]) if (path !== undefined) this.scope.assertWithin(path);
    if (this.#launcher === undefined) throw new GitFault("git_failed", "This process is stopping and starts no more git. Try again.");
    const answer = await this.#launcher.launch(
      {
        command: "git",
        args: buildGitArguments(call.args, call.gitDir),
        env: buildGitEnvironment(this.scope, call.env),
        cwd: call.cwd ?? this.scope.root,
        inputOffset: file?.offsetBytes ?? 0,
        maxOutput: call.outputMaxBytes ?? OUTPUT_MAX_BYTES,
        timeoutMs: call.timeoutMs ?? TIMEOUT_MS,
        ...(file === undefined ? {} : { inputPath: file.path }),
        ...(input !== undefined && !("path" in input) ? { input } : {}),
        ...(call.outputPath === undefined ? {} : { outputPath: call.outputPath }),
      },
      call.signal,
    );
    if (answer.stopped === "aborted") throw buildAbortedFault();
    if (answer.stopped === "timed_out")
      throw new GitFault("timed_out", `git ${call.args[0]} took too long and was stopped. Try again with less.`);
    if (answer.stopped === "output_too_large")
      throw new GitFault("output_too_large", `git ${call.args[0]} wrote more than its limit and was stopped.`);
    if (answer.signal !== null && CRASH_SIGNALS.has(answer.signal))
      throw new GitFault("crashed", `git ${call.args[0]} ended itself (${answer.signal}): ${answer.stderr.trim().slice(0, 500)}`);
    if (answer.code === null) {
      const why = answer.failure || `it was ended by ${answer.signal ?? "an unknown cause"}`;
      throw new GitFault(
        "git_failed",
        `git ${call.args[0]} did not finish: ${why}. Check that git is installed and that there is enough memory; then try again.`,
      );
    }
    return { code: answer.code, stdout: Buffer.from(answer.stdout), stderr: answer.stderr };
  }

  /**
   * Runs a call that fails only by a fault, and returns its output.
   *
   * @throws GitFault `git_failed` with git's message.
   */
  async readOutput(call: GitCall): Promise<Buffer> {
    const answer = await this.run(call);
    if (answer.code !== 0) throw toGitFault(call, answer);
    return answer.stdout;
  }

  /**
   * Returns the version of git. Must be called at start-up.
   *
   * @throws GitFault `git_unusable` if it is too old.
   */
  async requireVersion(): Promise<string> {
    const text = (await this.readOutput({ args: ["--version"] })).toString("utf8");
    const [, major, minor] = /git version (\d+)\.(\d+)/.exec(text) ?? [];
    const newEnough = Number(major) > OLDEST_GIT[0] || (Number(major) === OLDEST_GIT[0] && Number(minor) >= OLDEST_GIT[1]);
    if (!newEnough)
      throw new GitFault(
        "git_unusable",
        `This needs git ${OLDEST_GIT.join(".")} or newer and found "${text.trim()}". Install a newer git.`,
      );
    return text.trim().replace("git version ", "");
  }

  close(): void {
    if (this.#launcher === undefined) return;
    this.#launcher = undefined;
    releaseLauncher();
  }
}

export function toGitFault(call: Pick<GitCall, "args">, answer: GitAnswer): GitFault {
  const message = answer.stderr.trim().slice(0, 500) || "no message";
  return new GitFault(
    "git_failed",
    `git ${call.args[0]} ended with ${answer.code}: ${message}. Check the disk of the work folder; then try again.`,
  );
}

export function buildGitArguments(args: readonly string[], gitDir?: string): string[] {
  return [...SETTINGS, ...(gitDir === undefined ? [] : [`--git-dir=${gitDir}`]), ...args];
}

/** Builds the whole environment of a git process. It inherits only the search path. */
export function buildGitEnvironment(scope: Scope, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin",
    HOME: scope.root,
    XDG_CONFIG_HOME: scope.root,
    LC_ALL: "C",
    TZ: "UTC",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_NO_LAZY_FETCH: "1",
    GIT_OPTIONAL_LOCKS: "0",
    ...more,
  };
}
