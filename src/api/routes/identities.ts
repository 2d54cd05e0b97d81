import { z } from "zod";
import type { PolicyData } from "../../decision/policy/data.js";
import { ACTOR_KINDS, actorIdSchema, officeIdSchema, targetSchema, tenantIdSchema } from "../../domain/ids.js";
import { toRegistryContainer } from "../../domain/ledger/event.js";
import { LEVELS } from "../../domain/level.js";
import { TRANSPORTS } from "../../lab256/database/tables/identity.js";
import { type Actor, listActors } from "../../lab256/identity/actors.js";
import type { Principal } from "../../lab256/identity/authentication.js";
import { countOfficeHolders } from "../../lab256/identity/memberships.js";
import { findTenant } from "../../lab256/identity/tenants.js";
import { readChainHead } from "../../lab256/ledger/chain.js";
import type { ApiDependencies } from "../dependencies.js";
import { refuseNotFound } from "../http/problem.js";
import { answerPage, buildNamedPageQuery, tenantQuery } from "../http/queries.js";
import { type Answer, answerOk, defineMemberRoute, groupRoutes, type Route } from "../http/route.js";

const tenantSchema = z.object({
  tenant_id: tenantIdSchema,
  /** How its commands reach its Runners. */
  transport: z.enum(TRANSPORTS),
  created_at: z.number(),
  policy_hash: z.string().nullable(),
  ledger: z.object({ container: z.string(), entries: z.number(), head: z.string() }),
});

const policyOfficeSchema = z.object({
  allowed_actions: z.array(z.string()),
  targets: z.array(targetSchema),
  risk_ceiling: z.enum(LEVELS),
  approval_policy: z.object({
    min_approvals: z.number().optional(),
    step_up: z.boolean().optional(),
    roles: z.record(z.string(), z.number()).optional(),
  }),
  ttl_default_ms: z.number(),
});

const officeSchema = z.object({
  office_id: officeIdSchema,
  holders: z.number(),
  /** Null if the active policy does not know the office, which then allows nothing. */
  policy: policyOfficeSchema.nullable(),
});

const actorSchema = z.object({
  actor_id: actorIdSchema,
  kind: z.enum(ACTOR_KINDS),
  person_id: z.string().nullable(),
  display_name: z.string(),
  disabled: z.boolean(),
  offices: z.array(z.object({ office_id: z.string(), roles: z.array(z.string()) })),
});

/** The members of a tenant and the powers of its offices; every member may read them. Source: ADR-002 §9, contracts "Levels". */
export function buildIdentityRoutes(deps: ApiDependencies): readonly Route[] {
  return groupRoutes("identities", [
    defineMemberRoute("GET", "/v1/tenant", {
      tenant: "query",
      summary: "Read your tenant with its transport, active policy and ledger head",
      input: { query: tenantQuery },
      answers: {
        200: { text: "The tenant; `policy_hash` is null, and everything is denied, if its charter does not verify", schema: tenantSchema },
      },
      handle: ({ principal }) => answerTenant(deps, principal.tenant_id),
    }),
    defineMemberRoute("GET", "/v1/offices", {
      tenant: "query",
      summary: "List the tenant's offices by id, with the active policy's rules for them and the number of their holders",
      detail: 'A `Link` header with rel="next" leads to the next page.',
      input: { query: buildNamedPageQuery(officeIdSchema) },
      answers: {
        200: { text: "The offices; `policy` is null if the active policy does not know the office", schema: z.array(officeSchema) },
      },
      handle: (call) => answerOffices(deps, call),
    }),
    defineMemberRoute("GET", "/v1/actors", {
      tenant: "query",
      summary: "List the tenant's actors by id, with their offices and roles",
      detail: 'A `Link` header with rel="next" leads to the next page.',
      input: { query: buildNamedPageQuery(actorIdSchema).extend({ office_id: officeIdSchema.optional() }) },
      answers: { 200: { text: "The actors, including disabled ones", schema: z.array(actorSchema) } },
      async handle(call) {
        const page = await listActors(deps.db, call.query);
        return answerPage(call, page.items.map(toActorView), page.next);
      },
    }),
  ]);
}

async function answerTenant(deps: ApiDependencies, tenantId: string): Promise<Answer> {
  const container = toRegistryContainer(tenantId);
  const [found, policy, head] = await Promise.all([
    findTenant(deps.db, tenantId),
    deps.policies.readActivePolicy(tenantId),
    readChainHead(deps.db, container),
  ]);
  if (found === undefined) return refuseNotFound("This tenant");
  const { transport, created_at_ms: created_at } = found;
  const ledger = { container, entries: head.seq, head: head.hash };
  return answerOk({ tenant_id: tenantId, transport, created_at, policy_hash: policy.ok ? policy.value.hash : null, ledger });
}

interface OfficesCall {
  readonly url: string;
  readonly principal: Principal;
  readonly query: { readonly tenant_id: string; readonly limit: number; readonly after?: string | undefined };
}

/** Lists the offices that the policy knows and those that actors hold. A policy limits the former, and actors hold few others. */
async function answerOffices(deps: ApiDependencies, { url, principal: { tenant_id: tenantId }, query }: OfficesCall): Promise<Answer> {
  const { limit, after = "" } = query;
  const [policy, holders] = await Promise.all([deps.policies.readActivePolicy(tenantId), countOfficeHolders(deps.db, tenantId)]);
  const known = policy.ok ? policy.value.data.offices : {};
  const ids = [...new Set([...Object.keys(known), ...holders.keys()])].sort();
  const rest = ids.filter((id) => id > after);
  const page = rest.slice(0, limit);
  const items = page.map((office_id) => ({
    office_id,
    holders: holders.get(office_id) ?? 0,
    policy: toPolicyOfficeView(known, office_id),
  }));
  return answerPage({ url, query: { ...query } }, items, rest.length > page.length ? (page.at(-1) ?? null) : null);
}

function toPolicyOfficeView(known: PolicyData["offices"], officeId: string): z.infer<typeof policyOfficeSchema> | null {
  const office = Object.hasOwn(known, officeId) ? known[officeId] : undefined;
  if (office === undefined) return null;
  const { allowed_actions, scope, risk_ceiling, approval_policy, ttl_default_ms } = office;
  return { allowed_actions, targets: scope.targets, risk_ceiling, approval_policy, ttl_default_ms };
}

function toActorView({ actor_id, kind, person_id, display_name, disabled, offices: held }: Actor): z.infer<typeof actorSchema> {
  const offices = held.map(({ office_id, roles }) => ({ office_id, roles: [...roles] }));
  return { actor_id, kind, person_id, display_name, disabled, offices };
}
