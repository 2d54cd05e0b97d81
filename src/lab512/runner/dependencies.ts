import type { Charters } from "../../decision/charter/charters.js";
import type { PolicyCatalog } from "../../decision/policy/policy-catalog.js";
import type { SigningKey } from "../../domain/bytes/signature.js";
import type { Target } from "../../domain/ids.js";
import type { InfraSource } from "../../infra/source/source.js";
import type { JobLimits } from "../../planning/context.js";
import type { Repositories } from "../../repository/repositories.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { JobStep } from "../jobs/job.js";
import type { Allowances } from "./allowances.js";

/** Everything that the Runner has. It has no database and no signing keys but its own. Source: contracts "Planes". */
export interface RunnerDependencies {
  readonly target: Target;
  readonly store: ObjectStore;
  /** The tenant's local cache, below its `fs_scope`. */
  getRepositories(tenantId: string): Promise<Repositories>;
  readonly receiptKey: SigningKey;
  /** Signs the commits and tags that it makes. */
  readonly gitKey: SigningKey;
  readonly charters: Charters;
  readonly policies: PolicyCatalog;
  readonly allowances: Allowances;
  /** Reads the infra registry from one project of the operator's tenant or from one file. */
  readonly infra: InfraSource;
  readonly limits: JobLimits;
  now(): number;
  /** Called after each step of an act and awaited before the next one. */
  onStep?(jti: string, step: JobStep): void | Promise<void>;
}

/** An execution as Temporal or the pull transport identifies it. A retry differs only in `attempt`. */
export interface Execution {
  readonly workflow_id: string;
  readonly run_id: string;
  readonly activity_id: string;
  readonly attempt: number;
  /** Aborts when the scheduler cancels the attempt. */
  readonly signal: AbortSignal;
}
