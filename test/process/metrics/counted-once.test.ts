import type { Counter } from "prom-client";
import { beforeEach, describe, expect, it } from "vitest";
import type { NewEvent } from "../../../src/domain/ledger/event.js";
import { countClosedCommand, countReceipt } from "../../../src/lab256/acts/flow-metrics.js";
import { appendEvents } from "../../../src/lab256/ledger/append.js";
import { lab256Metrics } from "../../../src/process/metrics/lab256.js";
import { ledgerMetrics } from "../../../src/process/metrics/ledger.js";
import { buildPermit, buildPermitEnded, buildPermitIssued, buildReceipt, toJti } from "../../lab256/ledger/events.js";
import { useLedgerDatabase } from "../../lab256/ledger/ledger-database.js";

const ledger = useLedgerDatabase("metrics counted once");
const clock = { now: () => 3_500 };

beforeEach(() => {
  lab256Metrics.resetMetrics();
  ledgerMetrics.resetMetrics();
});

/** The series of a counter that are not 0. */
async function readCounts(registry: typeof lab256Metrics, name: string): Promise<Record<string, number>> {
  const { values } = await (registry.getSingleMetric(name) as Counter).get();
  return Object.fromEntries(values.filter(({ value }) => value !== 0).map(({ labels, value }) => [Object.values(labels).join(" "), value]));
}

const buildSuccess = (n: number) => buildReceipt(n, "success", []);

function buildReceiptEvent(n: number): NewEvent {
  return {
    type: "receipt.recorded",
    key: `receipt.recorded/${toJti(n)}`,
    payload: { receipt: buildSuccess(n), actor_id: "a", card_id: null },
  };
}

describe("a metric of the ledger", () => {
  it("counts an event once when its step is retried", async () => {
    for (let tries = 0; tries < 3; tries++)
      await appendEvents(ledger.db, "T.Count", [buildPermitIssued(1), buildPermitEnded(1, "expired")], 1);
    await Promise.all([1, 2, 3].map(() => appendEvents(ledger.db, "T.Count", [buildPermitEnded(2, "expired")], 1)));
    expect(await readCounts(ledgerMetrics, "ogr_ledger_events_total")).toEqual({ "permit.issued": 1, "permit.expired": 2 });
    expect(await readCounts(ledgerMetrics, "ogr_expiries_total")).toEqual({ run_by: 2 });
  });

  it("does not count a refused event", async () => {
    const poison = { ...buildPermitIssued(9), type: "no.such.event" } as never;
    await expect(appendEvents(ledger.db, "T.Count", [poison], 1)).rejects.toThrow();
    expect(await readCounts(ledgerMetrics, "ogr_ledger_events_total")).toEqual({});
  });

  it("counts a flow and its latency once, with its receipt", async () => {
    for (let tries = 0; tries < 3; tries++)
      countReceipt(clock, await appendEvents(ledger.db, "T.Count", [buildReceiptEvent(3)], 1), buildPermit(3), buildSuccess(3));
    expect(await readCounts(lab256Metrics, "ogr_flows_total")).toEqual({ "L1 success": 1 });
    expect(await lab256Metrics.metrics()).toContain('ogr_decision_to_receipt_seconds_sum{level="L1"} 2.5');
  });

  it("counts a card's latency with its receipt and its flow with the card's end", async () => {
    countReceipt(clock, await appendEvents(ledger.db, "T.Count", [buildReceiptEvent(4)], 1), buildPermit(4, "k-4"), buildSuccess(4));
    expect(await readCounts(lab256Metrics, "ogr_flows_total")).toEqual({});
    expect(await lab256Metrics.metrics()).toContain('ogr_decision_to_receipt_seconds_count{level="L1"} 1');
  });

  it("counts a command without a receipt under its denial", async () => {
    const denial = { code: "run_by_passed", message: "Nobody used it." } as const;
    const closed: NewEvent = {
      type: "command.closed",
      key: `command.closed/${toJti(5)}`,
      payload: { jti: toJti(5), jobId: "j", status: "expired", denial },
    };
    for (let tries = 0; tries < 2; tries++)
      countClosedCommand(await appendEvents(ledger.db, "T.Count", [closed], 1), buildPermit(5), { status: "expired", denial });
    expect(await readCounts(lab256Metrics, "ogr_flows_total")).toEqual({ "L1 expired": 1 });
    expect(await readCounts(lab256Metrics, "ogr_denials_total")).toEqual({ "flow run_by_passed": 1 });
  });
});
