import { Counter, type Registry } from "prom-client";
import { DENIAL_CODES, type DenialCode } from "../../domain/denial.js";

/** Where a denial was given: as the end of a flow, or as the answer to a request. */
export type DeniedAt = "flow" | "http";

/** The counter of denials in a process's registry; answers how to count one. Each code stands there from the start, with 0. */
export function createDenialCounter(registry: Registry, at: DeniedAt): (code: DenialCode) => void {
  const denials = new Counter({
    name: "ogr_denials_total",
    help: "Denials by code: flows that ended with one (at `flow`), and requests that were answered with one (at `http`)",
    labelNames: ["at", "code"] as const,
    registers: [registry],
  });
  for (const code of DENIAL_CODES) denials.inc({ at, code }, 0);
  return (code) => denials.inc({ at, code });
}
