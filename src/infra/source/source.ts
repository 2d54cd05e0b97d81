import type { ResolvedInfra } from "../../domain/act/infra-context.js";
import type { Outcome } from "../../domain/denial.js";

/**
 * A process's access to the infra registry. Orgs are tenants and repositories are projects, by their exact ids. Source: infra registry v2,
 * contracts "Infra registry v2".
 */
export interface InfraSource {
  readonly kind: "none" | "registry" | "file";
  /** Whether the registry is held by this project. The configuration decides it, whatever the registry says. */
  isKeptBy(tenantId: string, projectId: string): boolean;
  /**
   * Reads the project's present context, without a cache, which could still allow what has been disabled. Denies with
   * `infra_unavailable` if the registry is missing or invalid. Throws if the store does not answer.
   */
  resolve(tenantId: string, projectId: string): Promise<Outcome<ResolvedInfra>>;
  /** The context at a revision that the registry has or had (in a project: a commit that main reaches); undefined for any other. */
  resolveAt(tenantId: string, projectId: string, revision: string): Promise<Outcome<ResolvedInfra> | undefined>;
}
