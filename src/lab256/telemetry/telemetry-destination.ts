import { projectIdSchema } from "../../domain/ids.js";
import type { InfraSource } from "../../infra/source/source.js";
import type { FinishedAct } from "../ledger/queries/finished-acts.js";

/** The project of the tenant's telemetry repository, or a sentence that says why an act has none. */
export type Destination = { readonly ok: true; readonly project_id: string } | { readonly ok: false; readonly problem: string };

/**
 * Where the lines of one tenant go, as the infra registry says it now: to the telemetry repository of the act's own project. An act of a
 * project that the registry does not name, or not any more, goes where its org's other lines go, as long as the registry confirms that
 * place. Another org's repository is never an answer. One of these is asked for one batch.
 */
export class Destinations {
  readonly #known = new Map<string, Promise<Destination>>();

  constructor(
    private readonly infra: InfraSource,
    private readonly tenantId: string,
    /** The project of the tenant's last lines. */
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

  /** The infra context with which the act was checked. */
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
