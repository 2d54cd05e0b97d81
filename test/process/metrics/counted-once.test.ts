import type { Counter } from "prom-client";
import { beforeEach, describe, expect, it } from "vitest";
import type { NewEvent } from "../../../src/domain/ledger/event.js";
import { countClosedCommand, countReceipt } from "../../../src/lab256/acts/flow-metrics.js";
import { appendEvents } from "../../../src/lab256/ledger/append.js";
import { lab256Metrics } from "../../../src/process/metrics/lab256.js";
import { ledgerMetrics } from "../../../src/process/metrics/ledger.js";
import { jti, permit, permitEnded, permitIssued, receipt } from "../../lab256/ledger/events.js";
import { ledgerDatabase } from "../../lab256/ledger/ledger-database.js";

const ledger = ledgerDatabase("metrics counted once");
const clock = { now: () => 3_500 };

beforeEach(() => {
  lab256Metrics.resetMetrics();
  ledgerMetrics.resetMetrics();
});

/** The series of a counter that are not 0. */
async function counted(registry: typeof lab256Metrics, name: string): Promise<Record<string, number>> {
  const { values } = await (registry.getSingleMetric(name) as Counter).get();
  return Object.fromEntries(values.filter(({ value }) => value !== 0).map(({ labels, value }) => [Object.values(labels).join(" "), value]));
}

const done = (n: number) => receipt(n, "success", []);

function receipted(n: number): NewEvent {
  return { type: "receipt.recorded", key: `receipt.recorded/${jti(n)}`, payload: { receipt: done(n), actor_id: "a", card_id: null } };
}

describe("what is counted with the ledger", () => {
  it("counts an event once, however often its step is tried again", async () => {
    for (let tries = 0; tries < 3; tries++) await appendEvents(ledger.db, "T.Count", [permitIssued(1), permitEnded(1, "expired")], 1);
    await Promise.all([1, 2, 3].map(() => appendEvents(ledger.db, "T.Count", [permitEnded(2, "expired")], 1)));
    expect(await counted(ledgerMetrics, "ogr_ledger_events_total")).toEqual({ "permit.issued": 1, "permit.expired": 2 });
    expect(await counted(ledgerMetrics, "ogr_expiries_total")).toEqual({ run_by: 2 });
  });

  it("counts nothing that was refused", async () => {
    const poison = { ...permitIssued(9), type: "no.such.event" } as never;
    await expect(appendEvents(ledger.db, "T.Count", [poison], 1)).rejects.toThrow();
    expect(await counted(ledgerMetrics, "ogr_ledger_events_total")).toEqual({});
  });

  it("counts a flow and its latency with its receipt, once", async () => {
    for (let tries = 0; tries < 3; tries++)
      countReceipt(clock, await appendEvents(ledger.db, "T.Count", [receipted(3)], 1), permit(3), done(3));
    expect(await counted(lab256Metrics, "ogr_flows_total")).toEqual({ "L1 success": 1 });
    expect(await lab256Metrics.metrics()).toContain('ogr_decision_to_receipt_seconds_sum{level="L1"} 2.5');
  });

  it("leaves the flow of a card to the card's end, and takes its latency", async () => {
    countReceipt(clock, await appendEvents(ledger.db, "T.Count", [receipted(4)], 1), permit(4, "k-4"), done(4));
    expect(await counted(lab256Metrics, "ogr_flows_total")).toEqual({});
    expect(await lab256Metrics.metrics()).toContain('ogr_decision_to_receipt_seconds_count{level="L1"} 1');
  });

  it("counts a command that ended without a receipt under its denial", async () => {
    const denial = { code: "run_by_passed", message: "Nobody used it." } as const;
    const closed: NewEvent = {
      type: "command.closed",
      key: `command.closed/${jti(5)}`,
      payload: { jti: jti(5), jobId: "j", status: "expired", denial },
    };
    for (let tries = 0; tries < 2; tries++)
      countClosedCommand(await appendEvents(ledger.db, "T.Count", [closed], 1), permit(5), { status: "expired", denial });
    expect(await counted(lab256Metrics, "ogr_flows_total")).toEqual({ "L1 expired": 1 });
    expect(await counted(lab256Metrics, "ogr_denials_total")).toEqual({ "flow run_by_passed": 1 });
  });
});
