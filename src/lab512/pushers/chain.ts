import type { PushReceipt } from "../../domain/git/push-receipt.js";
import { endsSummary, type PushSummary } from "../../domain/git/push-summary.js";
import { SerialQueue } from "../../domain/serial-queue.js";

/** An act of a chain, or all acts up to it that a summary covers. `previous` is the act before, or null at the registration. */
export interface ChainLink {
  readonly jti: string;
  readonly previous: string | null;
  readonly pushes: readonly PushReceipt[];
  readonly isSummary: boolean;
}

/** A summary before it is signed. */
export type SummaryContent = Pick<PushSummary, "jti" | "previous" | "pushes">;

/** The verified acts of one project, as far as their receipts say who pushed. */
export class ProjectChain {
  readonly #queue = new SerialQueue();
  #users = 0;
  #last: string | null = null;
  #pushes: PushReceipt[] = [];
  #summary: string | null = null;
  #sinceSummary: PushReceipt[] = [];
  #weight = 0;

  /** Runs work that reads and extends the chain, after all such work before it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#users += 1;
    try {
      return await this.#queue.run(work);
    } finally {
      this.#users -= 1;
    }
  }

  /** Whether work on the chain runs or waits. */
  get isBusy(): boolean {
    return this.#users > 0;
  }

  /** The last act of the chain; null if it has none. */
  get last(): string | null {
    return this.#last;
  }

  /** All pushes and merges, oldest first. */
  get pushes(): readonly PushReceipt[] {
    return this.#pushes;
  }

  /** How much memory the chain takes, as a number of pushes and commits. */
  get weight(): number {
    return this.#weight;
  }

  clear(): void {
    this.#last = null;
    this.#pushes = [];
    this.#summary = null;
    this.#sinceSummary = [];
    this.#weight = 0;
  }

  /** Appends the link after the last act. Returns the summary that ends with it, if it is an act that ends one. */
  append({ jti, pushes, isSummary }: ChainLink): SummaryContent | undefined {
    this.#last = jti;
    for (const push of pushes) {
      this.#pushes.push(push);
      this.#sinceSummary.push(push);
      this.#weight += 1 + push.tips.length + (push.brought?.length ?? 0);
    }
    if (!endsSummary(jti)) return undefined;
    const content = { jti, previous: this.#summary, pushes: this.#sinceSummary };
    this.#summary = jti;
    this.#sinceSummary = [];
    return isSummary ? undefined : content;
  }
}

/** The maximum weight of the chains of a tenant that stay in memory. A weight of 100,000 takes about 8 MiB. */
const WEIGHT_MAX = 500_000;
const CHAINS_MAX_COUNT = 256;

/** The chains of one tenant that this process has verified, without the least recently used ones. */
export class ProjectChains {
  readonly #chains = new Map<string, ProjectChain>();

  find(projectId: string): ProjectChain | undefined {
    return this.#chains.get(projectId);
  }

  findOrCreate(projectId: string): ProjectChain {
    const chain = this.#chains.get(projectId) ?? new ProjectChain();
    this.#chains.delete(projectId);
    this.#chains.set(projectId, chain);
    return chain;
  }

  /** Forgets the least recently used chains above the limits. */
  evict(): void {
    let weight = 0;
    for (const { weight: own } of this.#chains.values()) weight += own;
    for (const [projectId, chain] of this.#chains) {
      if (weight <= WEIGHT_MAX && this.#chains.size <= CHAINS_MAX_COUNT) return;
      this.#chains.delete(projectId);
      weight -= chain.weight;
    }
  }
}
