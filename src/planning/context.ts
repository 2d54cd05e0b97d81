import type { Plan } from "../domain/act/plan.js";
import type { GitKeys } from "../domain/charter/keys.js";
import type { Outcome } from "../domain/denial.js";
import type { Repositories } from "../repository/repositories.js";
import type { ObjectStore } from "../storage/ports.js";

/** The limits of one job. */
export interface JobLimits {
  readonly stagedMaxBytes: number;
  readonly packMaxBytes: number;
  readonly objectsMaxCount: number;
  readonly blobMaxBytes: number;
  readonly pathMaxBytes: number;
  /** The maximum size of a release's source archive before compression. */
  readonly archiveMaxBytes: number;
  readonly planMaxMs: number;
  readonly diffstatMaxMs: number;
}

/** Everything that a plan reads. A plan needs no claim, no key and no log, so anyone with a clone of the objects can recompute it. */
export interface PlanningContext {
  readonly tenant_id: string;
  /** Refuses keys of other tenants. */
  readonly store: ObjectStore;
  readonly repositories: Repositories;
  readonly limits: JobLimits;
  /** Reads the git keys of the tenant's newest charter. Only commits in the registry's name need them. */
  readonly readGitKeys: () => Promise<GitKeys>;
  /** Whether the project holds this deployment's infra registry. Its `main` only moves to a valid registry. */
  readonly keepsInfra: boolean;
  readonly signal: AbortSignal;
}

export interface PlanInput<P> {
  readonly params: P;
  readonly target: Plan["basis"]["target"];
  readonly policy_hash: string;
  readonly infra: Plan["basis"]["infra"];
}

/** Computes what an act of one job type would do. Read-only. */
export type PlanFunction<P> = (context: PlanningContext, input: PlanInput<P>) => Promise<Outcome<Plan>>;
