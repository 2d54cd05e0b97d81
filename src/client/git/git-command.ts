import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import type { FileHandle } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const OUTPUT_MAX_BYTES = 256 * 1024 * 1024;
const TIMEOUT_MS = 600_000;
/** How many characters of git's messages are kept. */
const WORDS_MAX = 4096;
/** Settings that no user or repository may change here, because they change the output that is parsed. */
const SETTINGS = [
  "color.ui=false",
  "core.quotePath=false",
  "diff.relative=false",
  "gc.auto=0",
  "i18n.logOutputEncoding=UTF-8",
  "log.follow=false",
  "log.mailmap=false",
  "log.showSignature=false",
].flatMap((setting) => ["-c", setting]);

/** Stock git failed; the message holds git's own. */
export class GitRefused extends Error {
  override readonly name = "GitRefused";
}

/**
 * Runs stock git in a user's folder. Returns its output. Git never prompts, and ignores a repository that the environment names, as in a
 * hook.
 *
 * @throws GitRefused with git's message
 */
export async function runGit(folder: string, args: readonly string[], input?: string): Promise<string> {
  return (await runGitForBytes(folder, args, input)).toString("utf8");
}

/**
 * Like {@link runGit}, but returns bytes.
 *
 * @throws GitRefused with git's message
 */
export async function runGitForBytes(folder: string, args: readonly string[], input?: string): Promise<Buffer> {
  const running = run("git", [...SETTINGS, ...args], {
    cwd: folder,
    encoding: "buffer",
    env: buildGitEnvironment(),
    maxBuffer: OUTPUT_MAX_BYTES,
    timeout: TIMEOUT_MS,
  });
  running.child.stdin?.on("error", ignoreClosedPipe).end(input);
  try {
    return (await running).stdout;
  } catch (cause) {
    const { stderr, message, code } = cause as Error & { stderr?: Buffer; code?: string | number };
    throw buildGitRefused(folder, args, code, stderr?.toString("utf8") || message, cause);
  }
}

/**
 * Like {@link runGit}, but writes output of any size into an open file.
 *
 * @throws GitRefused with git's message
 */
export async function runGitIntoFile(folder: string, args: readonly string[], input: string, file: FileHandle): Promise<void> {
  const child = spawn("git", [...SETTINGS, ...args], {
    cwd: folder,
    env: buildGitEnvironment(),
    timeout: TIMEOUT_MS,
    stdio: ["pipe", file.fd, "pipe"],
  });
  let words = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    words = (words + chunk.toString("utf8")).slice(-WORDS_MAX);
  });
  child.stdin?.on("error", ignoreClosedPipe).end(input);
  const [code, signal] = await once(child, "close").catch((cause: NodeJS.ErrnoException) => {
    throw buildGitRefused(folder, args, cause.code, cause.message, cause);
  });
  if (code !== 0) throw buildGitRefused(folder, args, undefined, words || `it was ended by ${signal ?? code}`);
}

function buildGitRefused(
  folder: string,
  args: readonly string[],
  code: string | number | undefined,
  said: string,
  cause?: unknown,
): GitRefused {
  if (code === "ENOENT") return new GitRefused(`git cannot be started in ${folder}; install git and check the folder.`, { cause });
  const words = said.trim().split("\n").slice(-3).join(" ");
  return new GitRefused(`git ${args.find((arg) => !arg.startsWith("-"))} in ${folder}: ${words}`, { cause });
}

/** Like {@link runGit}, but returns lines. */
export async function runGitForLines(folder: string, args: readonly string[], input?: string): Promise<string[]> {
  return (await runGit(folder, args, input)).split("\n").filter((line) => line !== "");
}

/** Like {@link runGit}, but returns the paths that git prints with `-z`. */
export async function runGitForPaths(folder: string, args: readonly string[]): Promise<string[]> {
  return (await runGit(folder, args)).split("\0").filter((path) => path !== "");
}

/** Like {@link runGit}, but returns `undefined` if git fails, for questions whose answer may be no. */
export async function tryGit(folder: string, args: readonly string[]): Promise<string | undefined> {
  try {
    return (await runGit(folder, args)).trim();
  } catch (error) {
    if (error instanceof GitRefused) return undefined;
    throw error;
  }
}

function buildGitEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^GIT_/.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: "C", GIT_TERMINAL_PROMPT: "0", GIT_OPTIONAL_LOCKS: "0" };
}

/** Ignores a closed pipe: a git that ends before it has read its input reports why itself. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
