import { hashCanonical } from "../../domain/bytes/canonical.js";
import { GENESIS_HASH } from "../../domain/ledger/event.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { type LedgerEntryAnswer, ledgerEntrySchema } from "../answers.js";

/** What an exported chain is: entries `first` to `last` of a container. */
export interface ExportedChain {
  readonly container: string | null;
  readonly entries: number;
  /** The `seq` of the first entry; 1 where the chain is there from its beginning, 0 without entries. */
  readonly first: number;
  readonly head: { readonly seq: number; readonly hash: string };
}

/** An entry that does not continue the chain: the sentence says which, and why. */
export class BrokenChain extends Error {
  override readonly name = "BrokenChain";
}

/**
 * Follows a chain entry by entry, and makes every hash again. Whether the first entry follows what was before it nobody can tell who has
 * no more than the export, unless it is entry 1. Source: contracts "Events and projections".
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
    if (!parsed.ok) throw new BrokenChain(`What follows entry ${this.#head.seq} is no entry: ${formatProblems(parsed.problems)}`);
    const entry = parsed.value;
    const { seq, container, prev_hash, hash, ...rest } = entry;
    if (this.#entries > 0 && container !== this.#container)
      throw new BrokenChain(`Entry ${seq} is of ${container}, and those before it are of ${this.#container}.`);
    if (this.#entries > 0 && seq !== this.#head.seq + 1)
      throw new BrokenChain(`Entry ${this.#head.seq + 1} is missing: entry ${seq} follows entry ${this.#head.seq}.`);
    if ((this.#entries > 0 || seq === 1) && prev_hash !== this.#head.hash)
      throw new BrokenChain(`Entry ${seq} does not name the hash of what was before it.`);
    if (hashCanonical({ ...rest, seq, container, prev_hash }) !== hash)
      throw new BrokenChain(`Entry ${seq} is not what its hash was made of.`);
    if (this.#entries === 0) this.#first = seq;
    this.#container = container;
    this.#entries += 1;
    this.#head = { seq, hash };
    return entry;
  }
}
