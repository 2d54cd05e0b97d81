import type { JobParams, JobType } from "../domain/act/job.js";
import type { EvidenceSigner } from "../domain/act/pact.js";
import type { Plan } from "../domain/act/plan.js";
import type { SignedStatement } from "../domain/card/statement.js";
import type { Outcome } from "../domain/denial.js";
import type { RefMove } from "../domain/git/ref-move.js";
import type { Permit } from "../domain/permit/permit.js";
import type { Receipt } from "../domain/permit/receipt.js";
import type { Repositories } from "../repository/repositories.js";
import type { ObjectStore } from "../storage/ports.js";

/** Bounds of one job; each has a unit in its name. */
export interface JobLimits {
  readonly stagedMaxBytes: number;
  readonly packMaxBytes: number;
  readonly objectsMaxCount: number;
  readonly blobMaxBytes: number;
  readonly pathMaxBytes: number;
  /** The source archive of a release, before it is compressed. */
  readonly archiveMaxBytes: number;
  readonly planMaxMs: number;
  readonly diffstatMaxMs: number;
}

/** What a job may use. The store refuses keys of other tenants; `signal` aborts when the run time is up or the attempt is a ghost. */
export interface JobContext {
  readonly tenant_id: string;
  readonly store: ObjectStore;
  readonly repositories: Repositories;
  readonly limits: JobLimits;
  /** Whether the project keeps the infra registry of this deployment: its main moves to a good registry only. */
  readonly keepsInfra: boolean;
  /** Whether an earlier attempt at this act may have done part of it. */
  readonly isTakenOver: boolean;
  readonly signal: AbortSignal;
  /** Adds a line to the act's log, which becomes evidence. */
  log(line: string): void;
  /** Stores the log as it stands, under `commit` or none; the answer then refers to it, unless more is logged. */
  keepLog(commit: string | null): Promise<void>;
  /** Marks that a step is complete; awaited before the next one begins, and throws when the attempt must stop. */
  completeStep(name: JobStep): Promise<void>;
}

/** The steps between which a Runner can die; a retry continues from the store alone. */
export type JobStep = "claimed" | "looked" | "fetched" | "checked" | "stored" | "moved" | "attested" | "logged" | "receipted" | "derived";

export interface PlanInput<P> {
  readonly params: P;
  readonly target: Plan["basis"]["target"];
  readonly policy_hash: string;
  readonly infra: Plan["basis"]["infra"];
}

export interface ExecuteInput<P> {
  readonly jti: string;
  readonly params: P;
  readonly permit: Permit;
  /** What LAB 256 attested of this card and plan, in the order in which it was said: evidence, never a reason to act. */
  readonly statements: readonly SignedStatement[];
  /** Signs evidence as this Runner. */
  readonly signer: EvidenceSigner;
}

export interface DeriveInput<P> extends ExecuteInput<P> {
  readonly receipt: Receipt;
}

/** What an act did, as the receipt will say it. */
export interface Effects {
  readonly refs: readonly RefMove[];
  /** The commit that names the artifacts' folder, or null. */
  readonly commit: string | null;
  /** One JSON object each; the receipt carries them as strings (ADR-002 §8). */
  readonly artifacts: readonly Record<string, string | number | readonly string[]>[];
  readonly staged_bytes: number;
  readonly stored_bytes: number;
}

/**
 * One job type. `plan` reads only. `execute` makes its effects visible by exactly one conditional write and, called again for the same
 * `jti`, returns the same effects without a second one (an artifact may say less: what only the first call could see). `derive` writes
 * what follows from the receipt, beside the project's index, which follows from every act; it can be repeated.
 */
export interface JobHandler<P extends JobParams> {
  readonly jobType: JobType;
  plan(context: JobContext, input: PlanInput<P>): Promise<Outcome<Plan>>;
  execute(context: JobContext, input: ExecuteInput<P>): Promise<Outcome<Effects>>;
  derive?(context: JobContext, input: DeriveInput<P>): Promise<void>;
}
