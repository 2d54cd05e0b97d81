import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";

const rotateAboveBytes = 32 * 1024 * 1024;
const tailBytes = 8 * 1024;

/** An append-only log that a child process writes to directly, so that logging continues after this process ends. */
export class LogFile {
  readonly #startsAt: number;

  private constructor(
    readonly path: string,
    readonly descriptor: number,
  ) {
    this.#startsAt = fstatSync(descriptor).size;
  }

  /** Opens the log at `path`. A log larger than `rotateAboveBytes` is first renamed to `<path>.1`. */
  static open(path: string): LogFile {
    mkdirSync(dirname(path), { recursive: true });
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (size > rotateAboveBytes) renameSync(path, `${path}.1`);
    return new LogFile(path, openSync(path, "a+", 0o600));
  }

  /** Returns what was written since the log was opened here, at most `limitBytes` from the beginning. */
  readHead(limitBytes: number): string {
    return this.#read(this.#startsAt, limitBytes);
  }

  /** Returns the last lines written since the log was opened here. */
  readTail(lines = 15): string {
    const size = fstatSync(this.descriptor).size;
    const from = Math.max(this.#startsAt, size - tailBytes);
    return this.#read(from, tailBytes).trimEnd().split("\n").slice(-lines).join("\n");
  }

  #read(position: number, limitBytes: number): string {
    const buffer = Buffer.alloc(limitBytes);
    const count = readSync(this.descriptor, buffer, 0, limitBytes, position);
    return buffer.toString("utf8", 0, count);
  }

  close(): void {
    closeSync(this.descriptor);
  }
}
