import { collectDefaultMetrics, Registry } from "prom-client";

/** The resolution of the event loop's lag, in milliseconds. A finer one constantly costs CPU. */
const LAG_PRECISION_MS = 20;

/** The default metrics of Node: CPU, memory, event loop lag, garbage collection, handles. */
export function createProcessMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_PRECISION_MS });
  return registry;
}
