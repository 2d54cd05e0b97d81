import type { AllowedDecision } from "../../decision/decide-act.js";
import { toCanonicalText } from "../../domain/bytes/canonical.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import type { AttestationEnvelope } from "../../domain/card/attestation.js";
import type { Card } from "../../domain/card/card.js";
import type { SignedStatement } from "../../domain/card/statement.js";
import type { ActInput } from "../../domain/policy/policy-contract.js";

/** Log lines beyond this size are counted but not kept. */
const LOG_MAX_BYTES = 256 * 1024;

/** What an act was decided on. */
export interface DecisionEvidence {
  /** The policy's input and its decision; absent in the record of an attempt that took the act over. */
  readonly decided?: { readonly input: ActInput; readonly decision: AllowedDecision };
  readonly card: Card | null;
  /** The approvals that count. */
  readonly statements: readonly SignedStatement[];
  readonly attestations: readonly AttestationEnvelope[];
}

/**
 * The record of one act, whose bytes become evidence (`logs_hash`): JSON Lines in JCS, the Runner's log and one line each for the policy's
 * input, the decision, the card, the statements and the attestations. Source: contracts "Decided twice".
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

  recordDecision({ decided, card, statements, attestations }: DecisionEvidence): void {
    if (decided !== undefined) this.lines.push(toRecordLine({ input: decided.input }), toRecordLine({ decision: decided.decision }));
    if (card !== null) this.lines.push(toRecordLine({ card }));
    for (const statement of statements) this.lines.push(toRecordLine({ statement }));
    for (const attestation of attestations) this.lines.push(toRecordLine({ attestation }));
  }

  /** Returns the record's bytes and their BLAKE3. */
  seal(): { bytes: Uint8Array; hash: string } {
    const tail = this.dropped === 0 ? "" : toRecordLine({ dropped: this.dropped });
    const bytes = Buffer.from(this.lines.join("") + tail, "utf8");
    return { bytes, hash: hashBlake3Hex(bytes) };
  }
}

function toRecordLine(line: object): string {
  return `${toCanonicalText(line)}\n`;
}
