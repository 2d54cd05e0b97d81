import { z } from "zod";
import { jwksSchema } from "../../domain/bytes/jwks.js";
import { actorIdSchema, tenantIdSchema } from "../../domain/ids.js";
import type { ApiDependencies } from "../dependencies.js";
import { createHealthChecks, healthSchema, readinessSchema } from "../health.js";
import { refuseUnavailable } from "../http/problem.js";
import { answerOk, defineMemberRoute, definePublicRoute, groupRoutes, type Route } from "../http/route.js";

const whoamiSchema = z.object({
  tenant_id: tenantIdSchema,
  actor_id: actorIdSchema,
  kind: z.string(),
  person_id: z.string().nullable(),
  offices: z.array(z.object({ office_id: z.string(), roles: z.array(z.string()) })),
});

/** The service itself: the caller's identity, public keys, health. */
export function buildServiceRoutes(deps: ApiDependencies): readonly Route[] {
  const checks = createHealthChecks(deps);
  return groupRoutes("service", [
    defineMemberRoute("GET", "/v1/whoami", {
      tenant: "token",
      summary: "Read the actor of your token",
      input: {},
      answers: { 200: { text: "The actor, with its offices and roles", schema: whoamiSchema } },
      async handle({ principal: { tenant_id, actor_id, kind, person_id, offices } }) {
        return answerOk({ tenant_id, actor_id, kind, person_id, offices });
      },
    }),
    definePublicRoute("GET", "/v1/jwks.json", {
      summary: "Read the public keys (RFC 7517) of permits, statements, heads, receipts and refusals",
      input: {},
      answers: { 200: { text: "The keys", schema: jwksSchema } },
      handle: async () => answerOk(deps.servedJwks),
    }),
    definePublicRoute("GET", "/health", {
      summary: "Check the api, the pollers of both task queues, and the clock skew",
      detail:
        "The status is 200 while the api runs. `warnings` names what an operator should check. The api asks its neighbours at most every two seconds.",
      input: {},
      answers: { 200: { text: "The api runs", schema: healthSchema } },
      handle: async () => answerOk(await checks.readHealth()),
    }),
    definePublicRoute("GET", "/ready", {
      summary: "Check that everything the api needs answers",
      input: {},
      answers: { 200: { text: "Everything answers", schema: readinessSchema } },
      async handle() {
        const readiness = await checks.readReadiness();
        const down = Object.values(readiness).filter((verdict) => verdict !== "ok");
        if (down.length === 0) return answerOk(readiness);
        const answer = refuseUnavailable(down.join(" "));
        return { ...answer, body: { ...answer.body, ...readiness } };
      },
    }),
  ]);
}
