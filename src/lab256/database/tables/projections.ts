import type { BreakGlass } from "../../../domain/act/break-glass.js";
import type { JobType } from "../../../domain/act/job.js";
import type { Plan } from "../../../domain/act/plan.js";
import type { PlanGround } from "../../../domain/act/plan-grounds.js";
import type { AttestationEnvelope } from "../../../domain/card/attestation.js";
import type { Card, RunMode } from "../../../domain/card/card.js";
import type { FlowStatus } from "../../../domain/card/flow-status.js";
import type { Approval, MissingRequirement } from "../../../domain/card/requirement.js";
import type { SignedStatement, StatementDecision } from "../../../domain/card/statement.js";
import type { Denial, DenialCode } from "../../../domain/denial.js";
import type { Target } from "../../../domain/ids.js";
import type { Level } from "../../../domain/level.js";
import type { CommandEnvelope } from "../../../domain/permit/envelope.js";
import type { Permit } from "../../../domain/permit/permit.js";
import type { Receipt, ReceiptStatus, Refusal } from "../../../domain/permit/receipt.js";
import type { Reason, Requirement } from "../../../domain/policy/policy-contract.js";
import type { JsonText, WholeNumber } from "./ledger.js";

/** Every row belongs to a tenant and names the ledger entry that created it. `seq` orders lists and is the cursor of a page. */
interface Row {
  tenant_id: string;
  seq: WholeNumber;
}

export const PERMIT_STATUSES = ["issued", "used", "revoked", "expired", "refused"] as const;
export type PermitStatus = (typeof PERMIT_STATUSES)[number];

export interface ProjectionTables {
  registry_projects: Row & {
    project_id: string;
    name: string;
    owners: JsonText<string[]>;
    visibility: string;
    repo_url: string | null;
    registered_at: WholeNumber;
    /** The time of the project's registration, last activity or last release. */
    last_activity: WholeNumber;
  };
  /**
   * How often a ref moved to an object id, minus how often it moved away. The ref points to the id whose balance is 1. Receipts of one ref
   * can be recorded in a different order than its moves (a Runner that died after the move reports late); a sum does not depend on the
   * order.
   */
  registry_refs: Row & {
    project_id: string;
    name: string;
    object_id: string;
    balance: WholeNumber;
    /** The last entry that records a move away from the object; null if none does. ZERO_ID is left when the ref is created. */
    left_seq: WholeNumber | null;
    jti: string;
    moved_at: WholeNumber;
  };
  registry_releases: Row & {
    project_id: string;
    tag: string;
    commit: string;
    notes_hash: string;
    tagged_at: WholeNumber;
  };
  registry_activity: Row & {
    project_id: string;
    action: "push" | "delete" | "tag" | "merge" | "reset" | "archive" | "unarchive";
    actor: string;
    ref: string;
    commit: string;
    break_glass: JsonText<BreakGlass> | null;
    at_ms: WholeNumber;
  };
  /**
   * `brought` is false for a tip that the repository may have had before. The commit ZERO_ID represents pushed commits that the receipt
   * does not name.
   */
  registry_pushed_commits: Row & {
    project_id: string;
    commit: string;
    jti: string;
    actor_id: string;
    brought: boolean;
  };
  /** `status` is `running` until the command's receipt, or its end without one, is recorded. */
  commands: Row & {
    jti: string;
    job_id: string;
    job_type: JobType;
    project_id: string;
    target: Target;
    actor_id: string;
    office_id: string;
    card_id: string | null;
    workflow_id: string;
    envelope: JsonText<CommandEnvelope>;
    envelope_digest: string;
    status: FlowStatus;
    denial_code: DenialCode | null;
    denial_message: string | null;
    issued_at: WholeNumber;
    finished_at: WholeNumber | null;
  };
  receipts: Row & {
    jti: string;
    job_id: string;
    job_type: string;
    project_id: string;
    status: ReceiptStatus;
    actor_id: string;
    card_id: string | null;
    receipt: JsonText<Receipt>;
    finished_at: WholeNumber;
  };
  refusals: Row & {
    envelope_digest: string;
    jti: string;
    job_id: string;
    code: DenialCode;
    card_id: string | null;
    refusal: JsonText<Refusal>;
    finished_at: WholeNumber;
  };
  permits: Row & {
    jti: string;
    card_id: string | null;
    actor_id: string;
    intent: string;
    subject_hash: string;
    permit: JsonText<Permit>;
    status: PermitStatus;
    issued_at: WholeNumber;
    exp: WholeNumber;
    ended_at: WholeNumber | null;
    end_reason: string | null;
    ended_by: string | null;
  };
  cards: Row & {
    card_id: string;
    status: FlowStatus;
    level: Level | null;
    job_id: string;
    job_type: JobType;
    project_id: string;
    target: Target;
    office_id: string;
    author: JsonText<Card["author"]>;
    intent: string;
    break_glass: JsonText<BreakGlass> | null;
    context: JsonText<Card["context"]>;
    params: JsonText<Card["params"]>;
    /** The signed card. */
    card: JsonText<Card>;
    subject_hash: string;
    run: RunMode;
    /** 0 until the first plan. */
    round: WholeNumber;
    plan: JsonText<Plan> | null;
    plan_digest: string | null;
    requires: JsonText<Requirement[]>;
    missing: JsonText<MissingRequirement[]>;
    reasons: JsonText<Reason[]>;
    decide_by: WholeNumber | null;
    permit_ttl_ms: WholeNumber | null;
    /** Why the approvals of this round are void; null while they count. The card waits for a new plan. */
    void_why: string | null;
    /** The permit's `exp`; null until it is issued. */
    run_by: WholeNumber | null;
    jti: string | null;
    denial: JsonText<Denial> | null;
    workflow_id: string;
    opened_at: WholeNumber;
    updated_at: WholeNumber;
    closed_at: WholeNumber | null;
  };
  card_statements: Row & {
    card_id: string;
    statement_digest: string;
    decision: StatementDecision;
    approver: string;
    office_id: string;
    person_id: string | null;
    /** Null for a statement that was made before the card had a plan. */
    plan_digest: string | null;
    counts: boolean;
    reasons: JsonText<Reason[]>;
    approval: JsonText<Approval> | null;
    signed: JsonText<SignedStatement>;
    /** Why the approval no longer counts. */
    void_why: string | null;
    at_ms: WholeNumber;
  };
  card_attestations: Row & {
    card_id: string;
    round: WholeNumber;
    attestation_digest: string;
    predicate_type: string;
    plan_digest: string;
    keyid: string;
    attestation: JsonText<AttestationEnvelope>;
    /** Why it no longer counts. */
    void_why: string | null;
    at_ms: WholeNumber;
  };
  /** What the plan of each round of an open card rests on. `seq` is the entry of the plan. */
  card_grounds: Row & PlanGround & { card_id: string; round: WholeNumber };
  /** The recorded versions of the tenant's charter. */
  charter_versions: Row & {
    version: WholeNumber;
    entry_hash: string;
    recorded_at: WholeNumber;
  };
}

/** Every projection with the columns that identify a row together with `tenant_id`. */
export const PROJECTION_KEYS = {
  registry_projects: ["project_id"],
  registry_refs: ["project_id", "name", "object_id"],
  registry_releases: ["project_id", "tag"],
  registry_activity: ["seq"],
  registry_pushed_commits: ["project_id", "commit", "jti"],
  commands: ["jti"],
  receipts: ["jti"],
  refusals: ["envelope_digest"],
  permits: ["jti"],
  cards: ["card_id"],
  card_statements: ["card_id", "statement_digest"],
  card_attestations: ["card_id", "round", "attestation_digest"],
  card_grounds: ["card_id", "round", "kind", "name"],
  charter_versions: ["version"],
} as const satisfies { [T in keyof ProjectionTables]: readonly (keyof ProjectionTables[T])[] };

export type ProjectionName = keyof typeof PROJECTION_KEYS;
export const PROJECTIONS = Object.keys(PROJECTION_KEYS) as ProjectionName[];
