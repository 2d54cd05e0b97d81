import type { Registry } from "prom-client";
import { type MetricsListener, serveMetrics } from "../../process/metrics/listener.js";

/** Serves the metrics if a port is configured. Only then does it create the registries. */
export async function listenForScrapes(
  env: { readonly OGR_METRICS_HOST: string; readonly OGR_METRICS_PORT?: number | undefined },
  registries: () => readonly Registry[],
): Promise<MetricsListener | undefined> {
  if (env.OGR_METRICS_PORT === undefined) return undefined;
  return serveMetrics(registries(), { host: env.OGR_METRICS_HOST, port: env.OGR_METRICS_PORT });
}
