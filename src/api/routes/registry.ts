import { z } from "zod";
import { breakGlassSchema } from "../../domain/act/break-glass.js";
import { projectIdSchema } from "../../domain/ids.js";
import type { Principal } from "../../lab256/identity/authentication.js";
import { findProject, findProjectDetail, listProjectRefs, listProjects } from "../../lab256/ledger/queries/projects.js";
import type { ApiDependencies } from "../dependencies.js";
import { refuseNotFound } from "../http/problem.js";
import { answerPage, buildNamedPageQuery, pageQuery, tenantQuery } from "../http/queries.js";
import { answerOk, defineMemberRoute, groupRoutes, type Route } from "../http/route.js";

const REF_NAME_MAX_CHARACTERS = 300;

const projectSchema = z.object({
  id: projectIdSchema,
  name: z.string(),
  owners: z.array(z.string()),
  visibility: z.string(),
  repo_url: z.string().nullable(),
  last_activity: z.number(),
  archived: z.boolean(),
});

const refSchema = z.object({ name: z.string(), object_id: z.string(), jti: z.string(), moved_at: z.number() });
/** Any ref's name; one that no ref can have finds nothing. */
const refNameSchema = z.string().min(1).max(REF_NAME_MAX_CHARACTERS);

const detailSchema = projectSchema.extend({
  registered_at: z.number(),
  refs: z.array(refSchema),
  refs_cut: z.boolean(),
  refs_digest: z.string(),
  releases: z.array(
    z.object({ project_id: z.string(), tag: z.string(), commit: z.string(), notes_hash: z.string(), tagged_at: z.number() }),
  ),
  activity: z.array(
    z.object({
      seq: z.number(),
      project_id: z.string(),
      action: z.string(),
      actor: z.string(),
      ref: z.string(),
      commit: z.string(),
      break_glass: breakGlassSchema.nullable(),
      at_ms: z.number(),
    }),
  ),
});

/** The catalog. Source: ADR-002 §7, §10. */
export function buildRegistryRoutes(deps: ApiDependencies): readonly Route[] {
  return groupRoutes("registry", [
    defineMemberRoute("GET", "/v1/query/registry/projects", {
      tenant: "query",
      summary: "List the tenant's projects, the latest registered first",
      detail:
        'A `Link` header with rel="next" leads to the next page. A page omits private projects of others, so it can have fewer than `limit` items.',
      input: { query: pageQuery },
      answers: { 200: { text: "The projects", schema: z.array(projectSchema) } },
      async handle(call) {
        const { items, next } = await listProjects(deps.db, call.query);
        const visible = items.filter((project) => canSeeProject(call.principal, project));
        return answerPage(call, visible, next);
      },
    }),
    defineMemberRoute("GET", "/v1/query/registry/project/:id", {
      tenant: "query",
      summary: "Read a project with its refs, last releases and activities",
      detail:
        "`refs` are the first 1,000; `refs_cut` tells whether there are more, which `/v1/projects/{id}/refs` lists. `refs_digest` covers all of them; a reset takes it as `expected_refs`.",
      input: { params: z.strictObject({ id: projectIdSchema }), query: tenantQuery },
      answers: { 200: { text: "The project", schema: detailSchema } },
      async handle({ principal, params: { id } }) {
        const project = await findProjectDetail(deps.db, { tenant_id: principal.tenant_id, project_id: id });
        return project === undefined || !canSeeProject(principal, project) ? refuseNotFound("This project") : answerOk(project);
      },
    }),
    defineMemberRoute("GET", "/v1/projects/:id/refs", {
      tenant: "query",
      summary: "List a project's branches and tags by name, or find the one with a full `name`",
      detail: 'A `Link` header with rel="next" leads to the next page.',
      input: {
        params: z.strictObject({ id: projectIdSchema }),
        query: buildNamedPageQuery(refNameSchema).extend({ name: refNameSchema.optional() }),
      },
      answers: { 200: { text: "The refs", schema: z.array(refSchema) } },
      async handle({ url, principal, params: { id }, query }) {
        const asked = { tenant_id: principal.tenant_id, project_id: id };
        const project = await findProject(deps.db, asked);
        if (project === undefined || !canSeeProject(principal, project)) return refuseNotFound("This project");
        const { items, next } = await listProjectRefs(deps.db, { ...query, ...asked });
        return answerPage({ url, query: { ...query } }, items, next);
      },
    }),
  ]);
}

interface OwnedProject {
  readonly owners: readonly string[];
  readonly visibility: string;
}

/** Whether a member sees a project in the catalog: a private one only if they own it, themselves or through an office. */
function canSeeProject({ actor_id, offices }: Principal, { owners, visibility }: OwnedProject): boolean {
  return visibility !== "private" || owners.includes(actor_id) || offices.some(({ office_id }) => owners.includes(office_id));
}
