/** What the infra registry says of one project at one revision. */
export interface InfraContext {
  readonly source: "none" | "registry" | "file";
  /** A commit id, or the BLAKE3 of a file; null where there is no registry. */
  readonly revision: string | null;
  readonly org: string;
  readonly repo: string;
  /** Work runs for `enabled` projects only; `none`: the deployment keeps no infra registry. */
  readonly state: "enabled" | "disabled" | "missing" | "unavailable" | "none";
  readonly context: "sandbox" | "production" | null;
  /** `<org>/<repo>`, always of the project's own org. */
  readonly telemetry_repo: string | null;
  /** Whether the project is the one that keeps the registry. */
  readonly is_registry: boolean;
}

/** No context is known. `code`: the registry's own, or `unreachable`, `malformed`, `not_enabled`. */
export class InfraContextError extends Error {
  readonly code: string;
}

export interface InfraContextsOptions {
  /** The registry's address, such as `https://registry.example`. */
  readonly server: string;
  /** A token of the tenant (`ogr_…`). */
  readonly token: string;
  readonly tenant_id: string;
  /** How long an answer may take, in milliseconds; 5,000 when absent. */
  readonly timeout_ms?: number;
  readonly fetch?: typeof globalThis.fetch;
}

export interface InfraContexts {
  /** What the registry says now: asked anew each time. @throws InfraContextError */
  current(project_id: string): Promise<InfraContext>;
  /** What it said at a revision; asked once for each. @throws InfraContextError */
  at(project_id: string, revision: string): Promise<InfraContext>;
  /** As `current`, and throws `not_enabled` unless the project is enabled. @throws InfraContextError */
  enabled(project_id: string): Promise<InfraContext>;
}

export function infraContexts(options: InfraContextsOptions): InfraContexts;
