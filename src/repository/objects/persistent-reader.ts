import type { Scope } from "../scope.js";
import { ObjectReader } from "./object-reader.js";

/** The one reader of a repository that stays open from act to act, started when it is asked for, and anew when it was lost. */
export class PersistentReader {
  #reader: ObjectReader | undefined;
  /** It began before the index over all packs, and holds each of them mapped by itself. */
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

  /** Says that there is an index over all packs now. */
  notePacksIndexed(): void {
    this.#isStale = this.isOpen;
  }

  /** Ends it when its memory grows with every pack that it met; the next one finds them by their index. While no act uses it. */
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
