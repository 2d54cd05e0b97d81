import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import type { FileHandle } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const OUTPUT_MAX_BYTES = 256 * 1024 * 1024;
const TIMEOUT_MS = 600_000;
/** How much of what git says is kept, in characters. */
const WORDS_MAX = 4096;
const SETTINGS = ["-c", "core.quotePath=false", "-c", "gc.auto=0"];

/** Stock git has refused; the message holds its own words. */
export class GitRefused extends Error {
  override readonly name = "GitRefused";
}

/**
 * Runs stock git in a folder of the user's and answers what it printed. It never asks anything, and a repository that the environment
 * names (as a hook's does) is not taken for the one that is meant.
 *
 * @throws GitRefused with git's own words.
 */
export async function runGit(folder: string, args: readonly string[], input?: string): Promise<string> {
  return (await runGitForBytes(folder, args, input)).toString("utf8");
}

/**
 * As {@link runGit}, where the bytes themselves matter.
 *
 * @throws GitRefused with git's own words.
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
 * As {@link runGit}, for output of any size: it goes straight into an open file.
 *
 * @throws GitRefused with git's own words.
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

/** The lines that git printed. */
export async function runGitForLines(folder: string, args: readonly string[], input?: string): Promise<string[]> {
  return (await runGit(folder, args, input)).split("\n").filter((line) => line !== "");
}

/** What git printed, or `undefined` when it refused: for questions whose answer may be no. */
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

/** A git that ends before it has read its input says why itself. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
