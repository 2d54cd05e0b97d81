import type { MayBreakGlass } from "../../domain/act/break-glass.js";
import type { JobParams } from "../../domain/act/job.js";
import type { EvidenceSigner } from "../../domain/act/pact.js";
import type { SignedStatement } from "../../domain/card/statement.js";
import type { Outcome } from "../../domain/denial.js";
import type { RefMove } from "../../domain/git/ref-move.js";
import type { Permit } from "../../domain/permit/permit.js";
import type { Receipt } from "../../domain/permit/receipt.js";
import type { PlanningContext } from "../../planning/context.js";
import type { Making } from "../../repository/objects/making.js";

/** The steps between which a Runner can die. A retry continues from the store alone. */
export type JobStep = "claimed" | "looked" | "fetched" | "checked" | "stored" | "moved" | "attested" | "logged" | "receipted" | "derived";

/** What a job may use. `signal` aborts when the run time is up or another attempt holds the claim. */
export interface JobContext extends PlanningContext {
  /** Whether an earlier attempt may have done part of this act. */
  readonly isTakenOver: boolean;
  /** Adds a line to the act's log, which becomes evidence. */
  log(line: string): void;
  /** Stores the log so far under `commit`, or under none. The receipt refers to it unless more lines follow. */
  keepLog(commit: string | null): Promise<void>;
  /** Marks a step as complete. Await it before the next step: it throws if the attempt must stop. */
  completeStep(name: JobStep): Promise<void>;
}

export interface ExecuteInput<P> extends MayBreakGlass {
  readonly jti: string;
  readonly params: P;
  readonly permit: Permit;
  /** Where the first attempt's check saw the target of a merge whose params leave it open. */
  readonly pinned_target?: string | undefined;
  /** The approvals that count, oldest first. They become evidence. */
  readonly statements: readonly SignedStatement[];
  /** Dates and signs the commits and tags of this act. */
  readonly making: Making;
  /** Signs evidence with this Runner's key. */
  readonly signer: EvidenceSigner;
}

export interface DeriveInput<P> extends ExecuteInput<P> {
  readonly receipt: Receipt;
}

/** What an act did, as its receipt states it. */
export interface Effects {
  readonly refs: readonly RefMove[];
  /** The act whose write of the refs this act's write replaced, or null if there is none. */
  readonly previous_act: string | null;
  /** The commit that names the artifacts' folder, or null. */
  readonly commit: string | null;
  /** One JSON object each. The receipt holds them as strings (ADR-002 §8). */
  readonly artifacts: readonly Record<string, string | number | readonly string[]>[];
  readonly staged_bytes: number;
  readonly stored_bytes: number;
}

/**
 * Runs one job type. `execute` makes its effects visible by exactly one conditional write. A second call with the same `jti` returns the
 * same effects without a second write, although with fewer artifact details if only the first call could know them. `derive` writes
 * objects that are derived from the receipt and can be repeated.
 */
export interface JobHandler<P extends JobParams> {
  execute(context: JobContext, input: ExecuteInput<P>): Promise<Outcome<Effects>>;
  derive?(context: JobContext, input: DeriveInput<P>): Promise<void>;
}
