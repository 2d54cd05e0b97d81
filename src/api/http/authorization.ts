import type { Principal } from "../../lab256/identity/authentication.js";
import { checkTokenShape } from "../../lab256/identity/token-text.js";
import type { PrincipalCache } from "./principal-cache.js";
import { buildProblem, type ProblemAnswer, refuseNotFound, refuseOverloaded } from "./problem.js";
import type { GuardedRoute, Route, TenantSource } from "./route.js";

const BEARER = /^Bearer +(\S{1,256})$/i;

function refuseUnauthenticated(detail: string): ProblemAnswer {
  return buildProblem("unauthenticated", detail, {
    next: "Send `Authorization: Bearer ogr_…` with a token of your tenant.",
    headers: { "www-authenticate": 'Bearer realm="ogr"' },
  });
}

/** Authenticates the caller of a guarded route, or returns the refusal. Source: RFC 6750 §2.1. */
export async function authenticateCaller(
  route: GuardedRoute,
  header: string | undefined,
  principals: PrincipalCache,
): Promise<Principal | ProblemAnswer> {
  if (header === undefined) return refuseUnauthenticated("This needs a token.");
  const bearer = BEARER.exec(header)?.[1];
  if (bearer === undefined) return refuseUnauthenticated("The Authorization header is not a bearer token.");
  if (checkTokenShape(bearer) === "mistyped")
    return refuseUnauthenticated("The token was cut short or mistyped: its checksum does not fit.");
  const principal = await principals.findPrincipal(bearer);
  if (principal === "busy") return refuseOverloaded("Too many tokens are being looked up.");
  if (principal === undefined) return refuseUnauthenticated("The token is not known, has expired or was revoked.");
  const isRunner = principal.runner_target !== null;
  // For other callers than runners, the runners' routes do not exist.
  if (route.access === "runner" && !isRunner) return refuseNotFound("This");
  if (route.access === "member" && isRunner)
    return buildProblem("forbidden", "A runner's token pulls commands and reports receipts, and nothing else.");
  return principal;
}

/** Refuses a request about another tenant with the same 404 as for an unknown one. */
export function checkTenant(source: TenantSource, principal: Principal, query: unknown, body: unknown): ProblemAnswer | undefined {
  if (source === "token" || findTenantId(source, query, body) === principal.tenant_id) return undefined;
  return refuseNotFound("This tenant");
}

function findTenantId(source: TenantSource, query: unknown, body: unknown): unknown {
  if (source === "query") return findOwnMember(query, "tenant_id");
  return findOwnMember(source === "statement" ? findOwnMember(body, "statement") : body, "tenant_id");
}

function findOwnMember(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

export function isGuarded(route: Route): route is GuardedRoute {
  return route.access !== "public";
}
