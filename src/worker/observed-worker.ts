import type { WorkerOptions } from "@temporalio/worker";
import type { Logger } from "pino";
import type { Tracing } from "../process/tracing/tracing.js";
import { createActivityObserver } from "./observed-activities.js";

/** Builds worker options that log and count each step, and trace it if tracing is on. */
export function buildObservationOptions(log: Logger, tracing: Tracing | undefined): Pick<WorkerOptions, "interceptors" | "sinks"> {
  const lines = createActivityObserver(log);
  if (tracing === undefined) return { interceptors: { activity: [lines] } };
  return { interceptors: { activity: [tracing.activity, lines] }, sinks: tracing.sinks };
}
