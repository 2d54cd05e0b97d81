import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { toRegistryContainer } from "../../../src/domain/ledger/event.js";
import { appendEvents } from "../../../src/lab256/ledger/append.js";
import { verifyChain } from "../../../src/lab256/ledger/chain.js";
import { buildActivity, buildCommandIssued, buildPermitIssued, buildRegistered, toJti } from "./events.js";
import { useLedgerDatabase } from "./ledger-database.js";

const ledger = useLedgerDatabase("ledger group commit");

/** Counts the transactions that wrote to the tenant's ledger. */
async function countWriters(tenantId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(distinct xmin::text)::int as count from ledger_entries where container = ${toRegistryContainer(tenantId)}`.execute(
    ledger.db,
  );
  return rows[0]?.count ?? 0;
}

describe("concurrent appends of one process", () => {
  it("share transactions, keep their order and each return their own outcome", async () => {
    const numbers = Array.from({ length: 50 }, (_, n) => n);
    const outcomes = await Promise.all(
      numbers.map((n) => appendEvents(ledger.db, "T.Group", [buildActivity("P.group", n), buildPermitIssued(n)], 1_000 + n)),
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

  it("store an event once if several requests hold it", async () => {
    const [one, two, three] = await Promise.all([
      appendEvents(ledger.db, "T.Once", [buildRegistered("P.once")], 1),
      appendEvents(ledger.db, "T.Once", [buildRegistered("P.once"), buildActivity("P.once", 1)], 2),
      appendEvents(ledger.db, "T.Once", [buildRegistered("P.once")], 3),
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
    const buildNthCommand = (n: number, jobId: string) => buildCommandIssued(n, { jobId });
    await appendEvents(ledger.db, "T.Busy", [buildPermitIssued(900)], 1);
    const outcomes = await Promise.all([
      appendEvents(ledger.db, "T.Busy", [buildPermitIssued(901)], 1),
      appendEvents(ledger.db, "T.Busy", [buildNthCommand(1, "job-same")], 1),
      appendEvents(ledger.db, "T.Busy", [buildNthCommand(2, "job-same"), buildActivity("P.busy", 1)], 1),
      appendEvents(ledger.db, "T.Busy", [buildNthCommand(3, "job-other")], 1),
    ]);
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, true, false, true]);
    expect(outcomes[2]).toMatchObject({ conflict: { column: "job_id", jti: toJti(1) } });
    expect(await verifyChain(ledger.db, toRegistryContainer("T.Busy"))).toMatchObject({ ok: true, head: { seq: 4 } });
  });

  it("succeed if another request of their batch fails", async () => {
    const poison = { ...buildActivity("P.poison", 1), type: "no.such.event" } as never;
    const outcomes = await Promise.allSettled([
      appendEvents(ledger.db, "T.Poison", [buildActivity("P.poison", 2)], 1),
      appendEvents(ledger.db, "T.Poison", [buildActivity("P.poison", 3)], 1),
      appendEvents(ledger.db, "T.Poison", [poison], 1),
      appendEvents(ledger.db, "T.Poison", [buildActivity("P.poison", 4)], 1),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    expect(await verifyChain(ledger.db, toRegistryContainer("T.Poison"))).toMatchObject({ ok: true, head: { seq: 3 } });
  });
});
