import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { toRegistryContainer } from "../../../src/domain/ledger/event.js";
import { verifyChain } from "../../../src/lab256/ledger/chain.js";
import { recordEvents } from "../../../src/lab256/ledger/record.js";
import { activity, commandIssued, jti, permitIssued, registered } from "./events.js";
import { ledgerDatabase } from "./ledger-database.js";

const ledger = ledgerDatabase("ledger record");

/** How many transactions have written to the ledger. */
async function writers(tenantId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(distinct xmin::text)::int as count from ledger_entries where container = ${toRegistryContainer(tenantId)}`.execute(
    ledger.db,
  );
  return rows[0]?.count ?? 0;
}

describe("record", () => {
  it("commits appends that come at the same moment together, in their order, each with its own outcome", async () => {
    const numbers = Array.from({ length: 50 }, (_, n) => n);
    const outcomes = await Promise.all(
      numbers.map((n) => recordEvents(ledger.db, "T.Group", [activity("P.group", n), permitIssued(n)], 1_000 + n)),
    );
    expect(outcomes.map((outcome) => outcome.ok && outcome.appended.map(({ seq, isNew }) => [seq, isNew]))).toEqual(
      numbers.map((n) => [
        [2 * n + 1, true],
        [2 * n + 2, true],
      ]),
    );
    expect(await verifyChain(ledger.db, toRegistryContainer("T.Group"))).toMatchObject({ ok: true, head: { seq: 100 } });
    expect(await writers("T.Group")).toBe(3);
  });

  it("takes an event that two requests bring once", async () => {
    const [one, two, three] = await Promise.all([
      recordEvents(ledger.db, "T.Once", [registered("P.once")], 1),
      recordEvents(ledger.db, "T.Once", [registered("P.once"), activity("P.once", 1)], 2),
      recordEvents(ledger.db, "T.Once", [registered("P.once")], 3),
    ]);
    expect([one, two, three].map((outcome) => outcome?.ok && outcome.appended.map(({ seq, isNew }) => [seq, isNew]))).toEqual([
      [[1, true]],
      [
        [1, false],
        [2, true],
      ],
      [[1, false]],
    ]);
  });

  it("refuses one command for its neighbour's job id and writes the rest", async () => {
    const command = (n: number, jobId: string) => commandIssued(n, { jobId });
    await recordEvents(ledger.db, "T.Busy", [permitIssued(900)], 1);
    const outcomes = await Promise.all([
      recordEvents(ledger.db, "T.Busy", [permitIssued(901)], 1),
      recordEvents(ledger.db, "T.Busy", [command(1, "job-same")], 1),
      recordEvents(ledger.db, "T.Busy", [command(2, "job-same"), activity("P.busy", 1)], 1),
      recordEvents(ledger.db, "T.Busy", [command(3, "job-other")], 1),
    ]);
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, true, false, true]);
    expect(outcomes[2]).toMatchObject({ conflict: { column: "job_id", jti: jti(1) } });
    expect(await verifyChain(ledger.db, toRegistryContainer("T.Busy"))).toMatchObject({ ok: true, head: { seq: 4 } });
  });

  it("lets nobody fail for another's events", async () => {
    const poison = { ...activity("P.poison", 1), type: "no.such.event" } as never;
    const outcomes = await Promise.allSettled([
      recordEvents(ledger.db, "T.Poison", [activity("P.poison", 2)], 1),
      recordEvents(ledger.db, "T.Poison", [activity("P.poison", 3)], 1),
      recordEvents(ledger.db, "T.Poison", [poison], 1),
      recordEvents(ledger.db, "T.Poison", [activity("P.poison", 4)], 1),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    expect(await verifyChain(ledger.db, toRegistryContainer("T.Poison"))).toMatchObject({ ok: true, head: { seq: 3 } });
  });
});
