import type { Jwks, SigningKey } from "../../domain/bytes/signature.js";
import type { Target } from "../../domain/ids.js";
import type { JobsAllowlist } from "../../domain/permit/allowlist.js";
import type { InfraSource } from "../../infra/source/source.js";
import type { JobLimits } from "../../planning/context.js";
import type { Repositories } from "../../repository/repositories.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { JobStep } from "../jobs/job.js";

/** All that the Runner holds: no database, no key but its own. Source: contracts "Planes". */
export interface RunnerDependencies {
  readonly target: Target;
  readonly store: ObjectStore;
  /** The tenant's local cache, below its `fs_scope`. */
  getRepositories(tenantId: string): Repositories;
  readonly receiptKey: SigningKey;
  /** LAB 256's public keys, by which permits are signed. */
  readonly permitKeys: Jwks;
  /** LAB 256's public keys, by which statements are attested; they sign no permit. */
  readonly statementKeys: Jwks;
  /** By which the publication of a tenant's policy is signed. */
  readonly foundingKeys: ReadonlyMap<string, Jwks>;
  readonly allowlist: JobsAllowlist;
  /** Where the infra registry comes from; reads one project of the operator's tenant, or one file, and nothing else. */
  readonly infra: InfraSource;
  readonly limits: JobLimits;
  now(): number;
  /** Told of every step that an act completed, and waited for before the next one begins. */
  onStep?(jti: string, step: JobStep): void | Promise<void>;
}

/** Which execution this is, as Temporal (or the pull transport) names it; a retry differs in `attempt` only. */
export interface Execution {
  readonly workflow_id: string;
  readonly run_id: string;
  readonly activity_id: string;
  readonly attempt: number;
  /** Aborts when the attempt was given up by whoever scheduled it. */
  readonly signal: AbortSignal;
}
