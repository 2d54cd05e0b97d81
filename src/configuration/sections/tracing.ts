import type { Logger } from "pino";
import type { Tracing } from "../../process/tracing/tracing.js";

/** Begins to write traces where the environment names a collector. What that needs is not even loaded where it does not. */
export async function startConfiguredTracing(
  service: string,
  { OGR_OTLP_URL: url }: { readonly OGR_OTLP_URL?: string | undefined },
  log: Logger,
): Promise<Tracing | undefined> {
  if (url === undefined) return undefined;
  const { startTracing } = await import("../../process/tracing/tracing.js");
  return startTracing(service, url, log);
}
