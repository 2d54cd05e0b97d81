import { Counter, Histogram, Registry } from "prom-client";
import { DENIAL_CODES, type DenialCode } from "../../domain/denial.js";
import { createDenialCounter } from "./denials.js";

/** The api's answers. No metric names a tenant, a project or a person. */
export const apiMetrics = new Registry();

const registers = [apiMetrics];

/** The route of a request that matches none. A client chooses its path and method, and labels must stay few. */
const NO_ROUTE = "none";

const requests = new Counter({
  name: "ogr_http_requests_total",
  help: "Requests that were answered, by method, route and status; route `none` matched no route",
  labelNames: ["method", "route", "status"] as const,
  registers,
});

const seconds = new Histogram({
  name: "ogr_http_request_seconds",
  help: "How long answers took, by route; some routes wait for an event",
  labelNames: ["route"] as const,
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  registers,
});

const countDenial = createDenialCounter(apiMetrics, "http");
const codes: ReadonlySet<string> = new Set(DENIAL_CODES);

/** Counts an answered request. `route` is the pattern that it matched. */
export function countRequest(method: string, route: string | undefined, status: number, tookMs: number): void {
  requests.inc({ method: route === undefined ? NO_ROUTE : method, route: route ?? NO_ROUTE, status });
  seconds.observe({ route: route ?? NO_ROUTE }, tookMs / 1000);
}

/** Counts a denial. Other refusals (a malformed body, a missing token) appear only in the statuses. */
export function countRefusal(code: string): void {
  if (codes.has(code)) countDenial(code as DenialCode);
}
