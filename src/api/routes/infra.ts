import { z } from "zod";
import { infraContextSchema, infraRevisionSchema, type ResolvedInfra } from "../../domain/act/infra-context.js";
import { projectIdSchema } from "../../domain/ids.js";
import type { InfraSource } from "../../infra/source/source.js";
import type { ApiDependencies } from "../dependencies.js";
import { buildDenialProblem, refuseNotFound } from "../http/problem.js";
import { tenantQuery } from "../http/queries.js";
import { answerOk, defineMemberRoute, groupRoutes, type Route } from "../http/route.js";

const contextQuery = tenantQuery.extend({ project_id: projectIdSchema, revision: infraRevisionSchema.optional() });

const { state, context, telemetry_repo, is_registry } = infraContextSchema.shape;

/** Without a registry there is neither a revision nor a state, and `state` is `none`. */
const answerSchema = z.object({
  source: z.enum(["none", "registry", "file"]),
  revision: z.string().nullable(),
  org: z.string(),
  repo: z.string(),
  state: z.enum([...state.options, "none"]),
  context,
  telemetry_repo,
  is_registry,
});

/** The infra context of the caller's own projects. Source: contracts "Infra registry v2". */
export function buildInfraRoutes(deps: ApiDependencies): readonly Route[] {
  return groupRoutes("infra", [
    defineMemberRoute("GET", "/v1/query/infra/context", {
      tenant: "query",
      summary: "Read the infra context of a project",
      detail:
        "Reads the current registry, or a `revision` that its `main` reaches; any other revision is 404. The org is the tenant and the repository is the project. `state` is `none` if this deployment has no infra registry.",
      input: { query: contextQuery },
      answers: { 200: { text: "The context and the revision it comes from", schema: answerSchema } },
      problems: ["infra_unavailable"],
      async handle({ principal: { tenant_id }, query: { project_id, revision } }) {
        const { infra } = deps;
        const found =
          revision === undefined ? await infra.resolve(tenant_id, project_id) : await infra.resolveAt(tenant_id, project_id, revision);
        if (found === undefined) return refuseNotFound("This revision of the infra registry");
        return found.ok ? answerOk(toInfraContextView(infra.kind, tenant_id, project_id, found.value)) : buildDenialProblem(found.denial);
      },
    }),
  ]);
}

function toInfraContextView(
  source: InfraSource["kind"],
  org: string,
  repo: string,
  { infra, revision }: ResolvedInfra,
): z.infer<typeof answerSchema> {
  const said = infra === "none" ? { state: infra, context: null, telemetry_repo: null, is_registry: false } : infra;
  return { source, revision, org, repo, ...said };
}
