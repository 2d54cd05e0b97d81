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

/** Longer than any header line that `cat-file` writes: id, type, size. */
const HEADER_MAX_BYTES = 200;

/**
 * Reads objects of one repository through one `git cat-file --batch-command`, which stays and sees packs that appear later. Questions
 * are answered in their order, many at a time. It ends with its input, thus with this process at the latest.
 */
export class ObjectReader {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #questions: Question[] = [];
  #chunks: Buffer[] = [];
  #buffered = 0;
  /** The bytes that must arrive before parsing continues. Saves joining the chunks of a large object repeatedly. */
  #wanted = 0;
  #lost: GitFault | undefined;

  constructor(scope: Scope, gitDir: string) {
    scope.assertWithin(gitDir);
    this.#child = spawn("git", buildGitArguments(["cat-file", "--batch-command"], gitDir), {
      cwd: scope.root,
      env: buildGitEnvironment(scope),
      stdio: "pipe",
    });
    this.#child.stdout.on("data", (chunk: Buffer) => this.#take(chunk));
    let words = "";
    this.#child.stderr.on("data", (chunk: Buffer) => {
      words = (words + chunk.toString("utf8")).slice(-500);
    });
    this.#child.stdin.on("error", (cause) => this.#lose(cause.message));
    this.#child.on("error", (cause) => this.#lose(cause.message));
    this.#child.on("close", () => this.#lose(words.trim() || "it ended"));
    this.#keepAlive(false);
  }

  /** Whether it can still answer. A lost reader must be replaced. */
  get isUsable(): boolean {
    return this.#lost === undefined;
  }

  /** The type and size of an object, or undefined if the repository lacks it. */
  async readInfo(id: string): Promise<ObjectInfo | undefined> {
    return this.#ask("info", id);
  }

  /** The object, or undefined. It is held in memory, so read only commits, trees, tags and small blobs. */
  async read(id: string): Promise<GitObject | undefined> {
    const answer = await this.#ask("contents", id);
    return answer?.bytes === undefined ? undefined : { type: answer.type, bytes: answer.bytes };
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) return;
    const closed = once(this.#child, "close");
    this.#child.ref();
    this.#child.stdin.end();
    await closed;
  }

  #ask(command: "info" | "contents", id: string): Promise<(ObjectInfo & { bytes?: Buffer }) | undefined> {
    if (!/^[0-9a-f]{40}$/.test(id)) throw new TypeError(`${JSON.stringify(id)} is no object id; parse it first.`);
    return new Promise((resolve, reject) => {
      if (this.#lost !== undefined) return reject(this.#lost);
      if (this.#questions.length === 0) this.#keepAlive(true);
      this.#questions.push({ contents: command === "contents", resolve, reject });
      this.#child.stdin.write(`${command} ${id}\n`);
    });
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    if (this.#buffered < this.#wanted) return;
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    this.#wanted = 0;
    while (rest.length > 0 && this.#questions.length > 0) {
      const used = this.#answer(rest);
      if (used === 0) break;
      rest = rest.subarray(used);
    }
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#buffered = rest.length;
    if (this.#questions.length === 0) this.#keepAlive(false);
  }

  /** Answers the first question from `data`. Returns the bytes used, or 0 if more are needed. */
  #answer(data: Buffer): number {
    const question = this.#questions[0];
    const end = data.indexOf(0x0a);
    if (question === undefined) return 0;
    if (end === -1 || end > HEADER_MAX_BYTES) {
      if (data.length > HEADER_MAX_BYTES) this.#lose("it answered what cannot be parsed");
      return 0;
    }
    const header = data.toString("latin1", 0, end);
    const [, type, size] = /^[0-9a-f]{40} (commit|tree|blob|tag) (\d+)$/.exec(header) ?? [];
    if (type === undefined) {
      if (!header.endsWith(" missing")) {
        this.#lose(`it answered ${JSON.stringify(header)}`);
        return 0;
      }
      this.#questions.shift()?.resolve(undefined);
      return end + 1;
    }
    const info = { type: type as ObjectType, sizeBytes: Number(size) };
    if (!question.contents) {
      this.#questions.shift()?.resolve(info);
      return end + 1;
    }
    const total = end + 1 + info.sizeBytes + 1;
    if (data.length < total) {
      this.#wanted = total;
      return 0;
    }
    // A copy, so that a small object does not keep a large chunk alive.
    this.#questions.shift()?.resolve({ ...info, bytes: Buffer.from(data.subarray(end + 1, total - 1)) });
    return total;
  }

  #lose(why: string): void {
    this.#lost ??= new GitFault("git_failed", `git cat-file was lost: ${why}. It is started again with the next act. Try again.`);
    for (const { reject } of this.#questions.splice(0)) reject(this.#lost);
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
