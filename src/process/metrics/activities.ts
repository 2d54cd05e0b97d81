import { Counter, Histogram, Registry } from "prom-client";

/** The activities of a worker. */
export const activityMetrics = new Registry();

const registers = [activityMetrics];

const seconds = new Histogram({
  name: "ogr_activity_seconds",
  help: "How long steps of flows took, by activity; a denial is an answer and counts here",
  labelNames: ["activity"] as const,
  buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120, 600],
  registers,
});

const failures = new Counter({
  name: "ogr_activity_failures_total",
  help: "Attempts at steps of flows that failed by a fault and are tried again, by activity",
  labelNames: ["activity"] as const,
  registers,
});

/** Observes the end of an attempt. `activity` is one that the worker has. */
export function observeActivity(activity: string, tookMs: number, end: "answered" | "failed"): void {
  if (end === "failed") failures.inc({ activity });
  else seconds.observe({ activity }, tookMs / 1000);
}
