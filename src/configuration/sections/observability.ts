import { z } from "zod";
import { LOG_LEVELS } from "../../process/log.js";
import { describeSetting, portSchema } from "../environment.js";

export const logSettings = {
  OGR_LOG_LEVEL: describeSetting(z.enum(LOG_LEVELS).default("info"), LOG_LEVELS.map((level) => `\`${level}\``).join(", ")),
};

/** A process of LAB 256 serves its metrics. */
export const metricsSettings = {
  OGR_METRICS_HOST: describeSetting(z.string().default("127.0.0.1"), "where metrics are served"),
  OGR_METRICS_PORT: describeSetting(portSchema.optional(), "where metrics are served; nowhere without"),
};

/** The Runner listens on no port, so it pushes its metrics. */
export const pushedMetricsSettings = {
  OGR_METRICS_PUSH_URL: describeSetting(
    z.url("Write the address of a Prometheus Pushgateway, such as `http://pushgateway:9091`.").optional(),
    "a Prometheus Pushgateway; the allowlist must name its `host:port`",
  ),
  OGR_METRICS_INSTANCE: describeSetting(z.string().max(200).optional(), "tells Runners on one host apart; without: the host's name"),
};

export const traceSettings = {
  OGR_OTLP_URL: describeSetting(
    z.url("Write the address of an OpenTelemetry collector, such as `http://collector:4318`.").optional(),
    "an OpenTelemetry collector that takes OTLP over HTTP; no traces without; the Runner's allowlist must name its `host:port`",
  ),
};
