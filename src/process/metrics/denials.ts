import { Counter, type Registry } from "prom-client";
import { DENIAL_CODES, type DenialCode } from "../../domain/denial.js";

/** Registers the counter of denials that end a flow or answer a request, with 0 for each code. Returns the function that counts one. */
export function createDenialCounter(registry: Registry, at: "flow" | "http"): (code: DenialCode) => void {
  const denials = new Counter({
    name: "ogr_denials_total",
    help: "Denials by code: flows that ended with one (at `flow`), and requests that were answered with one (at `http`)",
    labelNames: ["at", "code"] as const,
    registers: [registry],
  });
  for (const code of DENIAL_CODES) denials.inc({ at, code }, 0);
  return (code) => denials.inc({ at, code });
}
