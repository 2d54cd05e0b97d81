import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { GitFault } from "../git-fault.js";
import type { Scope } from "../scope.js";
import { buildGitArguments, buildGitEnvironment } from "../stock-git/stock-git.js";
import type { GitObject, ObjectType } from "./object-text.js";

export interface ObjectInfo {
  readonly type: ObjectType;
  readonly sizeBytes: number;
}

interface Question {
  readonly contents: boolean;
  readonly resolve: (answer: (ObjectInfo & { bytes?: Buffer }) | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** Longer than any header line of `cat-file`: id, type, size. */
const HEADER_MAX_BYTES = 200;

/**
 * Reads objects of one repository through one `git cat-file --batch-command`, which keeps running and sees packs that appear later.
 * Requests are answered in order, many at a time. It ends when its input closes, and so with this process at the latest.
 */
export class ObjectReader {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #requests: Question[] = [];
  #chunks: Buffer[] = [];
  #buffered = 0;
  /** The number of bytes that must arrive before parsing continues. It avoids joining the chunks of a large object repeatedly. */
  #wanted = 0;
  #failure: GitFault | undefined;

  constructor(scope: Scope, gitDir: string) {
    scope.assertWithin(gitDir);
    this.#child = spawn("git", buildGitArguments(["cat-file", "--batch-command"], gitDir), {
      cwd: scope.root,
      env: buildGitEnvironment(scope),
      stdio: "pipe",
    });
    this.#child.stdout.on("data", (chunk: Buffer) => this.#receive(chunk));
    let stderrTail = "";
    this.#child.stderr.on("data", (chunk: Buffer) => {
      stderrTail = (stderrTail + chunk.toString("utf8")).slice(-500);
    });
    this.#child.stdin.on("error", (cause) => this.#fail(cause.message));
    this.#child.on("error", (cause) => this.#fail(cause.message));
    this.#child.on("close", () => this.#fail(stderrTail.trim() || "it ended"));
    this.#keepAlive(false);
  }

  /** Whether the reader can still answer. A failed reader must be replaced. */
  get isUsable(): boolean {
    return this.#failure === undefined;
  }

  /** Returns the type and size of an object, or undefined if the repository does not have it. */
  async readInfo(id: string): Promise<ObjectInfo | undefined> {
    return this.#request("info", id);
  }

  /** Returns the object, or undefined. It is held in memory, so read only commits, trees, tags and small blobs. */
  async read(id: string): Promise<GitObject | undefined> {
    const answer = await this.#request("contents", id);
    return answer?.bytes === undefined ? undefined : { type: answer.type, bytes: answer.bytes };
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) return;
    const closed = once(this.#child, "close");
    this.#child.ref();
    this.#child.stdin.end();
    await closed;
  }

  #request(command: "info" | "contents", id: string): Promise<(ObjectInfo & { bytes?: Buffer }) | undefined> {
    if (!/^[0-9a-f]{40}$/.test(id)) throw new TypeError(`${JSON.stringify(id)} is not an object id; parse it first.`);
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      if (this.#requests.length === 0) this.#keepAlive(true);
      this.#requests.push({ contents: command === "contents", resolve, reject });
      this.#child.stdin.write(`${command} ${id}\n`);
    });
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    if (this.#buffered < this.#wanted) return;
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    this.#wanted = 0;
    while (rest.length > 0 && this.#requests.length > 0) {
      const used = this.#answer(rest);
      if (used === 0) break;
      rest = rest.subarray(used);
    }
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#buffered = rest.length;
    if (this.#requests.length === 0) this.#keepAlive(false);
  }

  /** Answers the first request from `data`. Returns the number of bytes used, or 0 if more are needed. */
  #answer(data: Buffer): number {
    const request = this.#requests[0];
    const end = data.indexOf(0x0a);
    if (request === undefined) return 0;
    if (end === -1 || end > HEADER_MAX_BYTES) {
      if (data.length > HEADER_MAX_BYTES) this.#fail("its output cannot be parsed");
      return 0;
    }
    const header = data.toString("latin1", 0, end);
    const [, type, size] = /^[0-9a-f]{40} (commit|tree|blob|tag) (\d+)$/.exec(header) ?? [];
    if (type === undefined) {
      if (!header.endsWith(" missing")) {
        this.#fail(`it wrote ${JSON.stringify(header)}`);
        return 0;
      }
      this.#requests.shift()?.resolve(undefined);
      return end + 1;
    }
    const info = { type: type as ObjectType, sizeBytes: Number(size) };
    if (!request.contents) {
      this.#requests.shift()?.resolve(info);
      return end + 1;
    }
    const total = end + 1 + info.sizeBytes + 1;
    if (data.length < total) {
      this.#wanted = total;
      return 0;
    }
    // A copy, so that a small object does not keep a large chunk alive.
    this.#requests.shift()?.resolve({ ...info, bytes: Buffer.from(data.subarray(end + 1, total - 1)) });
    return total;
  }

  #fail(why: string): void {
    this.#failure ??= new GitFault("git_failed", `git cat-file failed: ${why}. It is restarted with the next act. Try again.`);
    for (const { reject } of this.#requests.splice(0)) reject(this.#failure);
    this.#child.kill("SIGKILL");
  }

  /** An idle reader must not keep this process alive. */
  #keepAlive(busy: boolean): void {
    for (const part of [this.#child, this.#child.stdout, this.#child.stdin, this.#child.stderr] as unknown as {
      ref?(): void;
      unref?(): void;
    }[])
      if (busy) part.ref?.();
      else part.unref?.();
  }
}
