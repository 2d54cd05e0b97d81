import { collectDefaultMetrics, Registry } from "prom-client";

/** How exactly the lag of the event loop is watched, in milliseconds: finer costs CPU all the time. */
const LAG_PRECISION_MS = 20;

/** The process itself, under the names that every Node dashboard knows: CPU, memory, event loop lag, garbage collection, handles. */
export function createProcessMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_PRECISION_MS });
  return registry;
}
