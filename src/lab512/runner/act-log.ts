import { type DecisionEvidence, toEvidenceLines, toRecordLine } from "../../domain/act/act-record.js";
import { omitPatchBytes } from "../../domain/act/job.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import type { CommandEnvelope } from "../../domain/permit/envelope.js";

/** Log lines beyond this size are counted but not kept. */
const LOG_MAX_BYTES = 256 * 1024;

/**
 * The record of one act, whose bytes become evidence (`logs_hash`): JSON Lines in JCS, the Runner's log and one line each for the command,
 * the policy's input, the decision, the card, the plan, the statements and the attestations. Source: contracts "Decided twice".
 */
export class ActLog {
  private readonly lines: string[] = [];
  private sizeBytes = 0;
  private dropped = 0;
  /** The keys under which this record was stored. */
  readonly kept = new Set<string>();

  constructor(private readonly now: () => number) {}

  writeLine(text: string): void {
    const line = toRecordLine({ at_ms: this.now(), log: text });
    if (this.sizeBytes + Buffer.byteLength(line) > LOG_MAX_BYTES) {
      this.dropped += 1;
      return;
    }
    this.sizeBytes += Buffer.byteLength(line);
    this.lines.push(line);
  }

  recordDecision(envelope: CommandEnvelope, evidence: DecisionEvidence): void {
    this.lines.push(...toEvidenceLines(omitPatchBytes(envelope), evidence));
  }

  /** Returns the record's bytes and their BLAKE3. */
  seal(): { bytes: Uint8Array; hash: string } {
    const tail = this.dropped === 0 ? "" : toRecordLine({ dropped: this.dropped });
    const bytes = Buffer.from(this.lines.join("") + tail, "utf8");
    return { bytes, hash: hashBlake3Hex(bytes) };
  }
}
