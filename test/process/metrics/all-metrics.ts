import { type MetricObject, Registry } from "prom-client";
import { activityMetrics } from "../../../src/process/metrics/activities.js";
import { apiMetrics } from "../../../src/process/metrics/api.js";
import { lab256Metrics } from "../../../src/process/metrics/lab256.js";
import { lab512Metrics } from "../../../src/process/metrics/lab512.js";
import { ledgerMetrics } from "../../../src/process/metrics/ledger.js";
import { createProcessMetrics } from "../../../src/process/metrics/process.js";
import { createStateMetrics } from "../../../src/process/metrics/registry-state.js";

const failOnRead = () => Promise.reject(new Error("no value is read"));

/** Builds the metrics that each process serves or pushes, like its composition root. */
export function buildRegistries(): Readonly<Record<"api" | "lab256" | "lab512", Registry>> {
  const state = createStateMetrics({ countWaitingCards: failOnRead, readHealth: failOnRead, readReadiness: failOnRead });
  return {
    api: Registry.merge([apiMetrics, ledgerMetrics, state, createProcessMetrics()]),
    lab256: Registry.merge([lab256Metrics, activityMetrics, ledgerMetrics, createProcessMetrics()]),
    lab512: Registry.merge([lab512Metrics, activityMetrics, createProcessMetrics()]),
  };
}

/** Lists the labels of every series by its name in Prometheus. */
export function listSeries(registries: readonly Registry[]): Map<string, ReadonlySet<string>> {
  const series = new Map<string, ReadonlySet<string>>();
  for (const registry of registries)
    for (const metric of registry.getMetricsAsArray() as (MetricObject & { labelNames?: string[] })[]) {
      const labels = new Set(metric.labelNames ?? []);
      // prom-client stores the type as text.
      if (String(metric.type) !== "histogram") series.set(metric.name, labels);
      else {
        for (const suffix of ["_sum", "_count"]) series.set(`${metric.name}${suffix}`, labels);
        series.set(`${metric.name}_bucket`, new Set([...labels, "le"]));
      }
    }
  return series;
}
