import { hashCanonical } from "../../domain/bytes/canonical.js";
import { GENESIS_HASH } from "../../domain/ledger/event.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { type LedgerEntryAnswer, ledgerEntrySchema } from "../answers.js";

/** An exported chain: consecutive entries of a container. */
export interface ExportedChain {
  readonly container: string | null;
  readonly entries: number;
  /** The `seq` of the first entry; 1 for a chain from its beginning, 0 without entries. */
  readonly first: number;
  readonly head: { readonly seq: number; readonly hash: string };
}

/** An entry does not continue the chain; the message tells which, and why. */
export class BrokenChain extends Error {
  override readonly name = "BrokenChain";
}

/**
 * Verifies a chain entry by entry, and recomputes every hash. An export that does not begin at entry 1 cannot show what came before it.
 * Source: contracts "Events and projections".
 */
export class ChainReader {
  #container: string | null = null;
  #first = 0;
  #entries = 0;
  #head = { seq: 0, hash: GENESIS_HASH };

  get chain(): ExportedChain {
    return { container: this.#container, entries: this.#entries, first: this.#first, head: this.#head };
  }

  /** @throws BrokenChain */
  follow(value: unknown): LedgerEntryAnswer {
    const parsed = parseWith(ledgerEntrySchema, value);
    if (!parsed.ok) throw new BrokenChain(`The line after entry ${this.#head.seq} is not an entry: ${formatProblems(parsed.problems)}`);
    const entry = parsed.value;
    const { seq, container, prev_hash, hash, ...rest } = entry;
    if (this.#entries > 0 && container !== this.#container)
      throw new BrokenChain(`Entry ${seq} belongs to ${container}, the ones before it to ${this.#container}.`);
    if (this.#entries > 0 && seq !== this.#head.seq + 1)
      throw new BrokenChain(`Entry ${this.#head.seq + 1} is missing: entry ${seq} follows entry ${this.#head.seq}.`);
    if ((this.#entries > 0 || seq === 1) && prev_hash !== this.#head.hash)
      throw new BrokenChain(`Entry ${seq} does not name the hash of the entry before it.`);
    if (hashCanonical({ ...rest, seq, container, prev_hash }) !== hash) throw new BrokenChain(`Entry ${seq} does not match its hash.`);
    if (this.#entries === 0) this.#first = seq;
    this.#container = container;
    this.#entries += 1;
    this.#head = { seq, hash };
    return entry;
  }
}
