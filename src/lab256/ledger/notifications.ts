import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { LEDGER_CHANNEL, type LedgerNotice, parseNotice } from "./notice.js";

/** Waits between attempts to reconnect, in milliseconds. The last one repeats. */
const RECONNECT_WAITS_MS = [100, 250, 500, 1_000, 2_500, 5_000];
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * `gap`: notices may have been missed (the connection was lost, or one was unreadable), so read the state. `ended`: the time is up, or
 * the wait was aborted.
 */
export type Wake = { readonly kind: "notice"; readonly notice: LedgerNotice } | { readonly kind: "gap" } | { readonly kind: "ended" };

export interface WatchOptions {
  /** Called when the connection was lost or could not be made. The watch keeps reconnecting while it is open. */
  readonly onLost: (error: Error) => void;
}

/** Listens to all appends over its own single connection, however many watchers there are. */
export class LedgerWatch {
  readonly #waiters = new Set<(wake: Wake) => void>();
  readonly #closing = new AbortController();
  #client: pg.Client | undefined;

  private constructor(
    private readonly url: string,
    private readonly options: WatchOptions,
  ) {}

  /** @throws if the first connection cannot be made. */
  static async open(url: string, options: WatchOptions): Promise<LedgerWatch> {
    const watch = new LedgerWatch(url, options);
    await watch.#connect();
    return watch;
  }

  /** Calls `listener` for every notice and every gap, until the returned function is called or the watch closes. */
  subscribe(listener: (wake: Wake) => void): () => void {
    this.#waiters.add(listener);
    return () => this.#waiters.delete(listener);
  }

  /**
   * Waits for the first notice that `predicate` accepts, or a gap. Start waiting before you read the state that may change, or use {@link
   * readUntilFound}, which does so.
   */
  waitForNotice(predicate: (notice: LedgerNotice) => boolean, timeoutMs: number, signal?: AbortSignal): Promise<Wake> {
    if (signal?.aborted || this.#closing.signal.aborted) return Promise.resolve({ kind: "ended" });
    return new Promise((resolve) => {
      const finishWait = (wake: Wake): void => {
        stop();
        clearTimeout(timer);
        signal?.removeEventListener("abort", endWait);
        resolve(wake);
      };
      const endWait = (): void => finishWait({ kind: "ended" });
      const stop = this.subscribe((wake) => {
        if (wake.kind !== "notice" || predicate(wake.notice)) finishWait(wake);
      });
      const timer = setTimeout(endWait, timeoutMs);
      signal?.addEventListener("abort", endWait, { once: true });
    });
  }

  /** Calls `read` until it returns a value, again after each notice that `predicate` accepts. Returns undefined when the time is up. */
  async readUntilFound<T>(
    read: () => Promise<T | undefined>,
    predicate: (notice: LedgerNotice) => boolean,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const enough = new AbortController();
      const either = signal === undefined ? enough.signal : AbortSignal.any([enough.signal, signal]);
      const waiting = this.waitForNotice(predicate, Math.max(0, deadline - performance.now()), either);
      try {
        const value = await read();
        if (value !== undefined) return value;
        if ((await waiting).kind === "ended") return await read();
      } finally {
        enough.abort();
      }
    }
  }

  /** Ends every wait and the connection. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake({ kind: "ended" });
    this.#waiters.clear();
    await this.#client?.end();
  }

  #wake(wake: Wake): void {
    for (const waiter of [...this.#waiters]) waiter(wake);
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      application_name: "ogr watch",
    });
    let listening = false;
    let failure: Error | undefined;
    client.on("error", (error) => {
      failure = error;
    });
    client.on("end", () => {
      if (listening) this.#handleLostConnection(failure ?? new Error("Postgres closed the connection that listens to the ledger."));
    });
    client.on("notification", ({ payload }) => {
      const notice = parseNotice(payload ?? "");
      this.#wake(notice === undefined ? { kind: "gap" } : { kind: "notice", notice });
    });
    try {
      await client.connect();
      await client.query(`listen ${LEDGER_CHANNEL}`);
    } catch (error) {
      await client.end();
      throw error;
    }
    listening = true;
    this.#client = client;
    if (this.#closing.signal.aborted) await client.end();
  }

  #handleLostConnection(error: Error): void {
    if (this.#closing.signal.aborted) return;
    this.options.onLost(error);
    void this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    for (let attempt = 0; !this.#closing.signal.aborted; attempt += 1) {
      const wait = RECONNECT_WAITS_MS[Math.min(attempt, RECONNECT_WAITS_MS.length - 1)] ?? 0;
      await sleep(wait, undefined, { ref: false });
      if (this.#closing.signal.aborted) return;
      try {
        await this.#connect();
        this.#wake({ kind: "gap" });
        return;
      } catch (error) {
        this.options.onLost(error as Error);
      }
    }
  }
}
