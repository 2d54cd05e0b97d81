import { describe, expect, it } from "vitest";
import { countWaitingCards } from "../../../src/lab256/ledger/queries/waiting-cards.js";
import { createStateMetrics, type StateSources, WAITING_AGES } from "../../../src/process/metrics/registry-state.js";
import { useLedgerDatabase } from "../../lab256/ledger/ledger-database.js";

const ledger = useLedgerDatabase("metrics state");
const NOW_MS = 2_000_000_000_000;
const MINUTE_MS = 60_000;

const sources: StateSources = {
  countWaitingCards: () => countWaitingCards(ledger.db, WAITING_AGES, NOW_MS),
  readHealth: async () => ({ pollers: [{ task_queue: "LAB_256", pollers: 2 }], clock_skew_ms: -1500, anchor_age_ms: 42_000 }),
  readReadiness: async () => ({ database: "ok", object_store: "The object store does not answer." }),
};

async function readValues(registry: ReturnType<typeof createStateMetrics>, name: string): Promise<Record<string, number>> {
  const { values } = (await registry.getSingleMetric(name)?.get()) ?? { values: [] };
  return Object.fromEntries(values.map(({ labels, value }) => [Object.values(labels).join(), value]));
}

/** Inserts a card with the columns that the metrics use. */
async function insertCard(tenant: string, n: number, status: "awaiting_approval" | "success", ageMs: number): Promise<void> {
  const text = {
    job_id: `j${n}`,
    job_type: "git.registry.init",
    project_id: "P.x",
    target: "LAB_512",
    office_id: "office::default",
  } as const;
  const json = { card: "{}", author: "{}", context: "{}", params: "{}", requires: "[]", missing: "[]", reasons: "[]" } as const;
  await ledger.db
    .insertInto("cards")
    .values({
      ...{ tenant_id: tenant, card_id: `k-${n}`, seq: n, status, level: "L3", ...text, ...json, intent: "x", subject_hash: "s" },
      ...{ run: "on_approval", round: 1, plan: null, plan_digest: null, decide_by: null, permit_ttl_ms: null, run_by: null, jti: null },
      ...{ denial: null, workflow_id: "w", opened_at: NOW_MS - ageMs, updated_at: 0, closed_at: null },
    })
    .execute();
}

describe("the registry's state at a scrape", () => {
  it("counts the waiting cards of all tenants by age", async () => {
    await ledger.db
      .insertInto("tenants")
      .values([{ tenant_id: "T.One" }, { tenant_id: "T.Two" }])
      .execute();
    const empty = createStateMetrics(sources);
    expect(await readValues(empty, "ogr_cards_waiting")).toEqual({ under_10m: 0, under_1h: 0, under_1d: 0, under_7d: 0, over_7d: 0 });
    await insertCard("T.One", 1, "awaiting_approval", MINUTE_MS);
    await insertCard("T.One", 2, "awaiting_approval", 30 * MINUTE_MS);
    await insertCard("T.Two", 3, "awaiting_approval", 31 * MINUTE_MS);
    await insertCard("T.Two", 4, "awaiting_approval", 30 * 24 * 60 * MINUTE_MS);
    await insertCard("T.Two", 5, "success", MINUTE_MS);
    expect(await readValues(createStateMetrics(sources), "ogr_cards_waiting")).toEqual({
      ...{ under_10m: 1, under_1h: 2, under_1d: 0, under_7d: 0, over_7d: 1 },
    });
  });

  it("has the pollers, the dependencies and the clock skew", async () => {
    const registry = createStateMetrics(sources);
    expect(await readValues(registry, "ogr_task_queue_pollers")).toEqual({ LAB_256: 2 });
    expect(await readValues(registry, "ogr_dependency_up")).toEqual({ database: 1, object_store: 0 });
    expect(await readValues(registry, "ogr_clock_skew_seconds")).toEqual({ database: -1.5 });
    expect(await registry.metrics()).toContain("ogr_anchor_age_seconds 42");
  });

  it("omits values that cannot be read and has the others", async () => {
    const registry = createStateMetrics({
      ...sources,
      countWaitingCards: () => Promise.reject(new Error("the database is away")),
      readHealth: async () => ({ pollers: null, clock_skew_ms: null, anchor_age_ms: null }),
    });
    const text = await registry.metrics();
    expect(text).not.toMatch(/^ogr_(?:cards_waiting\{|task_queue_pollers\{|clock_skew_seconds\{|anchor_age_seconds )/m);
    expect(text).toContain('ogr_dependency_up{dependency="database"} 1');
  });
});
