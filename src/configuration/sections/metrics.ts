import type { Registry } from "prom-client";
import { type MetricsListener, serveMetrics } from "../../process/metrics/listener.js";

/** Serves the metrics where the environment says so; what collects them does not even begin where it does not. */
export async function listenForScrapes(
  env: { readonly OGR_METRICS_HOST: string; readonly OGR_METRICS_PORT?: number | undefined },
  registries: () => readonly Registry[],
): Promise<MetricsListener | undefined> {
  if (env.OGR_METRICS_PORT === undefined) return undefined;
  return serveMetrics(registries(), { host: env.OGR_METRICS_HOST, port: env.OGR_METRICS_PORT });
}
