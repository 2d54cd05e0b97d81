import type { InfraRegistry } from "./model.js";
import type { ExecutionContext, RepoState } from "./registry-schema.js";

/** The registry's entry for one repository; a missing one has neither context nor telemetry. Source: infra registry v2. */
export interface RepoContext {
  readonly state: RepoState | "missing";
  readonly context: ExecutionContext | null;
  /** `<org>/<repo>`, in the repository's own org. */
  readonly telemetry_repo: string | null;
}

/** Resolves a repository by its exact name, and infers nothing from the name. */
export function resolveContext(registry: InfraRegistry, { owner, repo }: { readonly owner: string; readonly repo: string }): RepoContext {
  const org = registry.orgs.get(owner);
  const entry = org?.repos.get(repo);
  if (org === undefined || entry === undefined) return { state: "missing", context: null, telemetry_repo: null };
  return { state: entry.state, context: entry.context, telemetry_repo: org.telemetry_repo };
}
