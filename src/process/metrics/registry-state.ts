import { Gauge, Registry } from "prom-client";
import { createBoundedReading } from "./bounded-reading.js";

/** The ages of waiting cards, each with its upper end in milliseconds. */
export const WAITING_AGES = {
  under_10m: 600_000,
  under_1h: 3_600_000,
  under_1d: 86_400_000,
  under_7d: 604_800_000,
  over_7d: Number.POSITIVE_INFINITY,
} as const;
export type WaitingAge = keyof typeof WAITING_AGES;

/** The sources read at a scrape. A source that returns null or fails leaves its gauge empty. */
export interface StateSources {
  countWaitingCards(): Promise<Readonly<Record<WaitingAge, number>>>;
  readHealth(): Promise<{
    readonly pollers: readonly { readonly task_queue: string; readonly pollers: number }[] | null;
    readonly clock_skew_ms: number | null;
    readonly anchor_age_ms: number | null;
  }>;
  /** The state of each server that the api needs: `ok`, or a sentence. */
  readReadiness(): Promise<Readonly<Record<string, string>>>;
}

/** The longest wait of a scrape for a server; Prometheus gives up after ten seconds. */
const READING_MAX_MS = 3000;
const READING_EVERY_MS = 5000;
/** Counting cards reads rows, so it is done less often. */
const COUNT_EVERY_MS = 10_000;

/** The state of the whole registry, read at each scrape. Every api reports the same state: use the maximum. */
export function createStateMetrics(sources: StateSources): Registry {
  const registry = new Registry();
  const registers = [registry];
  const readHealth = createBoundedReading(() => sources.readHealth(), { everyMs: READING_EVERY_MS, maxMs: READING_MAX_MS });
  const readReadiness = createBoundedReading(() => sources.readReadiness(), { everyMs: READING_EVERY_MS, maxMs: READING_MAX_MS });
  const countWaiting = createBoundedReading(() => sources.countWaitingCards(), { everyMs: COUNT_EVERY_MS, maxMs: READING_MAX_MS });
  new Gauge({
    name: "ogr_cards_waiting",
    help: "Cards that wait for a decision, by how long ago they were opened; of one tenant at most the oldest 10,000 are counted",
    labelNames: ["age"] as const,
    registers,
    async collect() {
      this.reset();
      for (const [age, count] of Object.entries((await countWaiting()) ?? {})) this.set({ age: age as WaitingAge }, count);
    },
  });
  new Gauge({
    name: "ogr_task_queue_pollers",
    help: "Workers that poll a task queue, as Temporal reports them",
    labelNames: ["task_queue"] as const,
    registers,
    async collect() {
      this.reset();
      for (const { task_queue, pollers } of (await readHealth())?.pollers ?? []) this.set({ task_queue }, pollers);
    },
  });
  new Gauge({
    name: "ogr_clock_skew_seconds",
    help: "The database's clock minus this api's",
    labelNames: ["against"] as const,
    registers,
    async collect() {
      this.reset();
      const skew = (await readHealth())?.clock_skew_ms ?? null;
      if (skew !== null) this.set({ against: "database" }, skew / 1000);
    },
  });
  new Gauge({
    name: "ogr_anchor_age_seconds",
    help: "How long the oldest entry of a ledger without an anchor has waited for one; 0 if there is none",
    registers,
    async collect() {
      const age = (await readHealth())?.anchor_age_ms ?? null;
      if (age === null) this.remove();
      else this.set(age / 1000);
    },
  });
  new Gauge({
    name: "ogr_dependency_up",
    help: "Whether a server that the api needs answers (1) or not (0)",
    labelNames: ["dependency"] as const,
    registers,
    async collect() {
      this.reset();
      for (const [dependency, verdict] of Object.entries((await readReadiness()) ?? {})) this.set({ dependency }, verdict === "ok" ? 1 : 0);
    },
  });
  return registry;
}
