import { Counter, Histogram, Registry } from "prom-client";
import { FINAL_STATUSES, type FlowStatus } from "../../domain/card/flow-status.js";
import type { Denial } from "../../domain/denial.js";
import { LEVELS, type Level } from "../../domain/level.js";
import { createDenialCounter } from "./denials.js";

/** The metrics of LAB 256's worker. No metric names a tenant, a project or a person. */
export const lab256Metrics = new Registry();

const registers = [lab256Metrics];

/** The level of a flow that ended before the policy decided. */
const NO_LEVEL = "none";

const flows = new Counter({
  name: "ogr_flows_total",
  help: "Official acts that ended, by level and outcome; level `none` ended before the policy decided",
  labelNames: ["level", "outcome"] as const,
  registers,
});
for (const level of [...LEVELS, NO_LEVEL]) for (const outcome of FINAL_STATUSES) flows.inc({ level, outcome }, 0);

const countDenial = createDenialCounter(lab256Metrics, "flow");

const decisionToReceipt = new Histogram({
  name: "ogr_decision_to_receipt_seconds",
  help: "From the decision (the permit's `iat`: its grant, or the approval that completed it) to the recorded receipt, by level",
  labelNames: ["level"] as const,
  buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
  registers,
});

const telemetryLines = new Counter({
  name: "ogr_telemetry_lines_total",
  help: "Lines of telemetry that were given to an append; a retried append counts again",
  registers,
});

const telemetryWaits = new Counter({
  name: "ogr_telemetry_waits_total",
  help: "Checks that found lines of telemetry which cannot be appended yet; the flow `telemetry/<tenant>` says why",
  registers,
});

const housekeepingFaults = new Counter({
  name: "ogr_housekeeping_faults_total",
  help: "Permits, commands and charters that a sweep could not settle; the log names each, and the next sweep tries again",
  registers,
});

export function countHousekeepingFault(): void {
  housekeepingFaults.inc();
}

/** Counts a check for telemetry, which found lines to append now or lines that have to wait. */
export function countTelemetry(found: { readonly lines: number } | "waits"): void {
  if (found === "waits") telemetryWaits.inc();
  else telemetryLines.inc(found.lines);
}

/** Counts the end of a flow. Call it once for each. */
export function countFlow(level: Level | null, outcome: FlowStatus, denial: Denial | null): void {
  flows.inc({ level: level ?? NO_LEVEL, outcome });
  if (denial !== null) countDenial(denial.code);
}

/** Observes a recorded receipt. Call it once for each. `tookMs` is since the permit's `iat`; the clocks of two hosts can make it negative. */
export function observeReceipt(level: Level, tookMs: number): void {
  decisionToReceipt.observe({ level }, Math.max(0, tookMs) / 1000);
}
