import { expect, test } from "vitest";
import { toRegistryContainer } from "../../src/domain/ledger/event.js";
import { appendEvents, LedgerBusy } from "../../src/lab256/ledger/append.js";
import { verifyChain } from "../../src/lab256/ledger/chain.js";
import { buildActivity } from "../lab256/ledger/events.js";
import { useLedgerDatabase } from "../lab256/ledger/ledger-database.js";

const ledger = useLedgerDatabase("ledger queue");

test("an append beyond 1,000 waiting ones is refused with LedgerBusy, and every accepted one is written", async () => {
  const outcomes = await Promise.allSettled(
    Array.from({ length: 1_100 }, (_, n) => appendEvents(ledger.db, "T.Queue", [buildActivity("P.queue", n)], n)),
  );
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(refused.length).toBeGreaterThan(0);
  for (const { reason } of refused) expect(reason).toBeInstanceOf(LedgerBusy);
  const written = outcomes.length - refused.length;
  expect(written).toBeGreaterThanOrEqual(1_000);
  expect(await verifyChain(ledger.db, toRegistryContainer("T.Queue"))).toMatchObject({ ok: true, head: { seq: written } });
});
