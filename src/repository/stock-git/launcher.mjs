/**
 * Starts git for the Runner. A process of its own, because fork copies the page tables of its parent: from a Runner of 250 MB every
 * start cost 8 ms of its event loop, from here it costs 1.6 ms of somebody else's. Plain JavaScript, because it must start without a
 * compiler and stay small. It speaks only over the channel of its parent, and when that closes, every git that it started dies.
 *
 * @typedef {{ id: number, command: string, args: string[], env: Record<string, string>, cwd: string, input?: Uint8Array,
 *   inputPath?: string, inputOffset: number, outputPath?: string, maxOutput: number, timeoutMs: number }} Run
 * @typedef {{ id: number, cancel: true }} Cancel
 */
import { spawn } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";

const STDERR_MAX_BYTES = 64 * 1024;

/** @type {Map<number, (why: string) => void>} */
const running = new Map();

/** @param {string} path @param {number} offset A descriptor whose position is `offset`, so that git reads from there without a copy through us. */
function openAt(path, offset) {
  const fd = openSync(path, "r");
  const skipped = Buffer.allocUnsafe(Math.min(offset, 65536));
  for (let left = offset; left > 0; ) {
    const read = readSync(fd, skipped, 0, Math.min(left, skipped.length), null);
    if (read === 0) break;
    left -= read;
  }
  return fd;
}

/** @param {Run} run */
function start(run) {
  const began = openStdio(run);
  const child = spawn(run.command, run.args, { cwd: run.cwd, env: run.env, detached: true, stdio: [began.stdin, began.stdout, "pipe"] });
  for (const fd of began.opened) closeSync(fd);

  /** @type {string | undefined} */
  let stopped;
  const stop = (/** @type {string} */ why) => {
    stopped ??= why;
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch (error) {
      // The group may have ended by itself a moment ago; anything else is a fault.
      if (error.code !== "ESRCH") throw error;
    }
  };
  running.set(run.id, stop);
  const timer = setTimeout(() => stop("timed_out"), run.timeoutMs);

  /** @type {Buffer[]} */
  const stdout = [];
  let stdoutBytes = 0;
  child.stdout?.on("data", (/** @type {Buffer} */ chunk) => {
    stdoutBytes += chunk.length;
    if (stdoutBytes > run.maxOutput) stop("output_too_large");
    else stdout.push(chunk);
  });
  /** @type {Buffer[]} */
  const stderr = [];
  let stderrBytes = 0;
  child.stderr.on("data", (/** @type {Buffer} */ chunk) => {
    if (stderrBytes < STDERR_MAX_BYTES) stderr.push(chunk);
    stderrBytes += chunk.length;
  });
  if (child.stdin !== null) {
    // git may end before it has read everything; its exit code tells, not the broken pipe.
    child.stdin.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code !== "EPIPE" && error.code !== "ECONNRESET") stop("failed");
    });
    child.stdin.end(run.input);
  }

  let failure = "";
  child.on("error", (error) => {
    failure = error.message;
  });
  child.on("close", (code, signal) => {
    clearTimeout(timer);
    running.delete(run.id);
    answer({ id: run.id, code, signal, stopped, failure, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString("utf8") });
  });
}

/** @param {Run} run @returns {{ stdin: "ignore" | "pipe" | number, stdout: "pipe" | number, opened: number[] }} */
function openStdio(run) {
  /** @type {number[]} */
  const opened = [];
  try {
    /** @type {"ignore" | "pipe" | number} */
    let stdin = run.input === undefined ? "ignore" : "pipe";
    if (run.inputPath !== undefined) {
      stdin = openAt(run.inputPath, run.inputOffset);
      opened.push(stdin);
    }
    /** @type {"pipe" | number} */
    let stdout = "pipe";
    if (run.outputPath !== undefined) {
      stdout = openSync(run.outputPath, "wx", 0o600);
      opened.push(stdout);
    }
    return { stdin, stdout, opened };
  } catch (error) {
    for (const fd of opened) closeSync(fd);
    throw error;
  }
}

/** @param {object} message */
function answer(message) {
  if (process.connected) process.send?.(message);
}

process.on("message", (/** @type {Run | Cancel} */ message) => {
  if ("cancel" in message) return running.get(message.id)?.("aborted");
  try {
    start(message);
  } catch (error) {
    answer({ id: message.id, code: null, signal: null, failure: error.message, stdout: Buffer.alloc(0), stderr: "" });
  }
});

process.on("disconnect", () => {
  for (const stop of running.values()) stop("aborted");
  process.exit(0);
});

// The terminal's Ctrl-C reaches the whole group; the Runner decides when its children end, by closing the channel.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);
