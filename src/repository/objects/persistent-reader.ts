import type { Scope } from "../scope.js";
import { ObjectReader } from "./object-reader.js";

/** A repository's reader, which stays open between acts. Starts on first use and again after a failure. */
export class PersistentReader {
  #reader: ObjectReader | undefined;
  /** Whether the reader started before the multi-pack index was written, so that it maps each pack separately. */
  #isStale = false;

  constructor(
    private readonly scope: Scope,
    private readonly gitDir: () => string,
  ) {}

  get isOpen(): boolean {
    return this.#reader !== undefined;
  }

  get(): ObjectReader {
    if (this.#reader === undefined || !this.#reader.isUsable) this.#reader = new ObjectReader(this.scope, this.gitDir());
    return this.#reader;
  }

  /** Records that a multi-pack index was written. */
  markPacksIndexed(): void {
    this.#isStale = this.isOpen;
  }

  /**
   * Ends a stale reader, whose memory grows with every pack; the next one uses the index. Must be called only while no act uses the
   * reader.
   */
  async closeStale(): Promise<void> {
    if (this.#isStale) await this.close();
  }

  async close(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    this.#isStale = false;
    await reader?.close();
  }
}
