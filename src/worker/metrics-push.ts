import { hostname } from "node:os";
import type { Logger } from "pino";
import { activityMetrics } from "../process/metrics/activities.js";
import { lab512Metrics, pushFailures } from "../process/metrics/lab512.js";
import { createProcessMetrics } from "../process/metrics/process.js";
import { type MetricsPusher, pushMetrics } from "../process/metrics/pushing.js";

const PUSH_EVERY_MS = 15_000;
const PUSH_JOB = "ogr_lab512";

interface PushSettings {
  readonly OGR_METRICS_PUSH_URL?: string | undefined;
  readonly OGR_METRICS_INSTANCE?: string | undefined;
}

/** Pushes this process's metrics until it is stopped, if OGR_METRICS_PUSH_URL is set. */
export function pushOwnMetrics(env: PushSettings, log: Logger): MetricsPusher | undefined {
  if (env.OGR_METRICS_PUSH_URL === undefined) return undefined;
  return pushMetrics([lab512Metrics, activityMetrics, createProcessMetrics()], {
    url: env.OGR_METRICS_PUSH_URL,
    job: PUSH_JOB,
    instance: env.OGR_METRICS_INSTANCE ?? hostname(),
    everyMs: PUSH_EVERY_MS,
    onFailure(error) {
      pushFailures.inc();
      log.warn({ reason: error.message }, "failed to push metrics");
    },
  });
}
