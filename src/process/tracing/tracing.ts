import { DiagLogLevel, diag } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { Resource } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import type { WorkflowClientInterceptor } from "@temporalio/client";
import {
  makeWorkflowExporter,
  OpenTelemetryActivityInboundInterceptor,
  type OpenTelemetrySinks,
  OpenTelemetryWorkflowClientInterceptor,
} from "@temporalio/interceptors-opentelemetry";
import type { ActivityInterceptorsFactory, InjectedSinks } from "@temporalio/worker";
import type { Logger } from "pino";
import { AsyncContext } from "./context.js";

export interface Tracing {
  /** For a client: its workflows belong to the active span. */
  readonly client: WorkflowClientInterceptor;
  /** For a worker: an activity is a span of its flow's trace. */
  readonly activity: ActivityInterceptorsFactory;
  /** For a worker of traced workflows: exports the spans from their sandbox. */
  readonly sinks: InjectedSinks<OpenTelemetrySinks>;
  /** Sends the remaining spans and ends. Never throws. */
  stop(): Promise<void>;
}

const SEND_EVERY_MS = 2000;
const SEND_MAX_MS = 3000;
/** Further spans are dropped. */
const WAITING_MAX = 4096;

/**
 * Sends spans to an OpenTelemetry collector (OTLP over HTTP with JSON, `<url>/v1/traces`). A failure drops spans and is logged; nothing
 * waits for the collector. Call it once, before any client or worker is created.
 */
export function startTracing(service: string, url: string, log: Logger): Tracing {
  diag.setLogger(
    {
      ...{ verbose: () => undefined, debug: () => undefined, info: () => undefined },
      warn: (message) => log.warn({ reason: message }, "tracing"),
      error: (message) => log.warn({ reason: message }, "spans were not sent"),
    },
    DiagLogLevel.WARN,
  );
  const resource = new Resource({ "service.name": service, "process.pid": process.pid });
  const exporter = new OTLPTraceExporter({ url: `${url.replace(/\/+$/, "")}/v1/traces`, timeoutMillis: SEND_MAX_MS });
  const processor = new BatchSpanProcessor(exporter, {
    scheduledDelayMillis: SEND_EVERY_MS,
    exportTimeoutMillis: SEND_MAX_MS,
    maxQueueSize: WAITING_MAX,
  });
  const provider = new BasicTracerProvider({ resource, spanProcessors: [processor] });
  provider.register({ contextManager: new AsyncContext() });
  return {
    client: new OpenTelemetryWorkflowClientInterceptor(),
    activity: (context) => ({ inbound: new OpenTelemetryActivityInboundInterceptor(context) }),
    sinks: { exporter: makeWorkflowExporter(processor, resource) },
    stop: () => provider.shutdown().catch((error: unknown) => log.warn({ reason: String(error) }, "the last spans were not sent")),
  };
}
