import { projectIdSchema } from "../../domain/ids.js";
import type { InfraSource } from "../../infra/source/source.js";
import type { FinishedAct } from "../ledger/queries/finished-acts.js";

/** The project of the tenant's telemetry repository, or the reason why an act has none. */
export type Destination = { readonly ok: true; readonly project_id: string } | { readonly ok: false; readonly problem: string };

/**
 * Resolves where the lines of one tenant go, for one batch. An act's line goes to the telemetry repository that the infra registry
 * currently names for the act's project. If the registry does not name the project, or no longer does, the line goes where the org's
 * other lines go, provided that the registry still confirms that repository. It never goes to another org's repository.
 */
export class Destinations {
  readonly #known = new Map<string, Promise<Destination>>();

  constructor(
    private readonly infra: InfraSource,
    private readonly tenantId: string,
    /** The project that holds the tenant's last lines. */
    private readonly lastProjectId: string | undefined,
  ) {}

  async resolve(act: FinishedAct): Promise<Destination> {
    const own = await this.#resolveCurrent(act.project_id);
    if (own.ok) return own;
    for (const candidate of [await this.#resolveAsChecked(act), this.lastProjectId]) {
      if (candidate === undefined) continue;
      const confirmed = await this.#resolveCurrent(candidate);
      if (confirmed.ok && confirmed.project_id === candidate) return confirmed;
    }
    return own;
  }

  #resolveCurrent(projectId: string): Promise<Destination> {
    const known = this.#known.get(projectId) ?? this.#resolveProject(projectId);
    this.#known.set(projectId, known);
    return known;
  }

  async #resolveProject(projectId: string): Promise<Destination> {
    const resolved = await this.infra.resolve(this.tenantId, projectId);
    if (!resolved.ok) return { ok: false, problem: resolved.denial.message };
    const { infra } = resolved.value;
    const found = infra === "none" ? undefined : this.#parseOwnProject(infra.telemetry_repo);
    if (found !== undefined) return { ok: true, project_id: found };
    return {
      ok: false,
      problem: `The infra registry names no telemetry repository of ${this.tenantId} for ${this.tenantId}/${projectId}: register the project there.`,
    };
  }

  /** Resolves the destination in the infra revision that the act was checked against. */
  async #resolveAsChecked({ project_id, end }: FinishedAct): Promise<string | undefined> {
    const revision = end.kind === "receipt" ? end.receipt.infra_revision : undefined;
    if (revision === undefined) return undefined;
    const resolved = await this.infra.resolveAt(this.tenantId, project_id, revision);
    if (resolved === undefined || !resolved.ok || resolved.value.infra === "none") return undefined;
    return this.#parseOwnProject(resolved.value.infra.telemetry_repo);
  }

  /** Returns the project of `<owner>/<repo>` if the owner is this tenant. */
  #parseOwnProject(telemetryRepo: string | null): string | undefined {
    const owner = `${this.tenantId}/`;
    if (telemetryRepo === null || !telemetryRepo.startsWith(owner)) return undefined;
    const parsed = projectIdSchema.safeParse(telemetryRepo.slice(owner.length));
    return parsed.success ? parsed.data : undefined;
  }
}
