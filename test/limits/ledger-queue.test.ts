import { expect, test } from "vitest";
import { toRegistryContainer } from "../../src/domain/ledger/event.js";
import { verifyChain } from "../../src/lab256/ledger/chain.js";
import { LedgerBusy, recordEvents } from "../../src/lab256/ledger/record.js";
import { activity } from "../lab256/ledger/events.js";
import { ledgerDatabase } from "../lab256/ledger/ledger-database.js";

const ledger = ledgerDatabase("ledger queue");

test("what waits for a chain is bounded: the rest is refused at once, and what was taken is written", async () => {
  const outcomes = await Promise.allSettled(
    Array.from({ length: 1_100 }, (_, n) => recordEvents(ledger.db, "T.Queue", [activity("P.queue", n)], n)),
  );
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(refused.length).toBeGreaterThan(0);
  for (const { reason } of refused) expect(reason).toBeInstanceOf(LedgerBusy);
  const written = outcomes.length - refused.length;
  expect(written).toBeGreaterThanOrEqual(1_000);
  expect(await verifyChain(ledger.db, toRegistryContainer("T.Queue"))).toMatchObject({ ok: true, head: { seq: written } });
});
