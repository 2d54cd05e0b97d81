import type { Logger } from "pino";
import type { Tracing } from "../../process/tracing/tracing.js";

/** Starts tracing if a collector is configured, and loads the modules for it only then. */
export async function startConfiguredTracing(
  service: string,
  { OGR_OTLP_URL: url }: { readonly OGR_OTLP_URL?: string | undefined },
  log: Logger,
): Promise<Tracing | undefined> {
  if (url === undefined) return undefined;
  const { startTracing } = await import("../../process/tracing/tracing.js");
  return startTracing(service, url, log);
}
