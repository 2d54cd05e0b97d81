import { hashBlake3Hex } from "../../domain/bytes/hash.js";

/** Lines beyond this size are counted but not kept. */
const LOG_MAX_BYTES = 256 * 1024;

/** The log of one act. Its bytes become evidence (`logs_hash`). */
export class ActLog {
  private readonly lines: string[] = [];
  private sizeBytes = 0;
  private dropped = 0;
  /** The keys under which this log was stored. */
  readonly kept = new Set<string>();

  constructor(private readonly now: () => number) {}

  writeLine(text: string): void {
    const line = `${new Date(this.now()).toISOString()} ${text.replaceAll("\n", "\n  ")}\n`;
    if (this.sizeBytes + Buffer.byteLength(line) > LOG_MAX_BYTES) {
      this.dropped += 1;
      return;
    }
    this.sizeBytes += Buffer.byteLength(line);
    this.lines.push(line);
  }

  /** Returns the log's bytes and their BLAKE3. */
  seal(): { bytes: Uint8Array; hash: string } {
    const tail = this.dropped === 0 ? "" : `(${this.dropped} further lines were dropped: the log is limited)\n`;
    const bytes = Buffer.from(this.lines.join("") + tail, "utf8");
    return { bytes, hash: hashBlake3Hex(bytes) };
  }
}
