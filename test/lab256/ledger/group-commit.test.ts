import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { toRegistryContainer } from "../../../src/domain/ledger/event.js";
import { appendEvents } from "../../../src/lab256/ledger/append.js";
import { verifyChain } from "../../../src/lab256/ledger/chain.js";
import { activity, commandIssued, jti, permitIssued, registered } from "./events.js";
import { ledgerDatabase } from "./ledger-database.js";

const ledger = ledgerDatabase("ledger group commit");

/** Counts the transactions that wrote to the tenant's ledger. */
async function countWriters(tenantId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(distinct xmin::text)::int as count from ledger_entries where container = ${toRegistryContainer(tenantId)}`.execute(
    ledger.db,
  );
  return rows[0]?.count ?? 0;
}

describe("concurrent appends of one process", () => {
  it("share transactions, keep their order and get an outcome each", async () => {
    const numbers = Array.from({ length: 50 }, (_, n) => n);
    const outcomes = await Promise.all(
      numbers.map((n) => appendEvents(ledger.db, "T.Group", [activity("P.group", n), permitIssued(n)], 1_000 + n)),
    );
    expect(outcomes.map((outcome) => outcome.ok && outcome.appended.map(({ seq, isNew }) => [seq, isNew]))).toEqual(
      numbers.map((n) => [
        [2 * n + 1, true],
        [2 * n + 2, true],
      ]),
    );
    expect(await verifyChain(ledger.db, toRegistryContainer("T.Group"))).toMatchObject({ ok: true, head: { seq: 100 } });
    expect(await countWriters("T.Group")).toBe(3);
  });

  it("append an event of several requests once", async () => {
    const [one, two, three] = await Promise.all([
      appendEvents(ledger.db, "T.Once", [registered("P.once")], 1),
      appendEvents(ledger.db, "T.Once", [registered("P.once"), activity("P.once", 1)], 2),
      appendEvents(ledger.db, "T.Once", [registered("P.once")], 3),
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

  it("reject only the command whose job id another request of the batch has taken", async () => {
    const command = (n: number, jobId: string) => commandIssued(n, { jobId });
    await appendEvents(ledger.db, "T.Busy", [permitIssued(900)], 1);
    const outcomes = await Promise.all([
      appendEvents(ledger.db, "T.Busy", [permitIssued(901)], 1),
      appendEvents(ledger.db, "T.Busy", [command(1, "job-same")], 1),
      appendEvents(ledger.db, "T.Busy", [command(2, "job-same"), activity("P.busy", 1)], 1),
      appendEvents(ledger.db, "T.Busy", [command(3, "job-other")], 1),
    ]);
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, true, false, true]);
    expect(outcomes[2]).toMatchObject({ conflict: { column: "job_id", jti: jti(1) } });
    expect(await verifyChain(ledger.db, toRegistryContainer("T.Busy"))).toMatchObject({ ok: true, head: { seq: 4 } });
  });

  it("succeed although another request of their batch fails", async () => {
    const poison = { ...activity("P.poison", 1), type: "no.such.event" } as never;
    const outcomes = await Promise.allSettled([
      appendEvents(ledger.db, "T.Poison", [activity("P.poison", 2)], 1),
      appendEvents(ledger.db, "T.Poison", [activity("P.poison", 3)], 1),
      appendEvents(ledger.db, "T.Poison", [poison], 1),
      appendEvents(ledger.db, "T.Poison", [activity("P.poison", 4)], 1),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    expect(await verifyChain(ledger.db, toRegistryContainer("T.Poison"))).toMatchObject({ ok: true, head: { seq: 3 } });
  });
});
