import type { ResolvedInfra } from "../../domain/act/infra-context.js";
import type { Outcome } from "../../domain/denial.js";

/**
 * Where a process has the infra registry from. An org is a tenant and a repository is a project, by their exact ids. Source: infra
 * registry v2, contracts "Infra registry v2".
 */
export interface InfraSource {
  readonly kind: "none" | "registry" | "file";
  /** Whether this project of ours keeps the registry. By configuration, so that it holds whatever the registry says. */
  isKeptBy(tenantId: string, projectId: string): boolean;
  /**
   * What the registry says of a project now, read anew: a remembered revision could allow what has been disabled. Denial
   * `infra_unavailable`: the registry is missing or invalid. A store that does not answer is thrown.
   */
  resolve(tenantId: string, projectId: string): Promise<Outcome<ResolvedInfra>>;
  /** The same at a revision that is or was the registry's (of a project: a commit that main reaches); undefined for every other one. */
  resolveAt(tenantId: string, projectId: string, revision: string): Promise<Outcome<ResolvedInfra> | undefined>;
}
