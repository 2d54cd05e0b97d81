import type { MergeConflict } from "./git/merge-conflict.js";
import type { Result } from "./result.js";

/** The codes of denials. They are stable: clients and runbooks match on them. */
export const DENIAL_CODES = [
  // The Runner's checks, in their order.
  "envelope_invalid",
  "tenant_unknown",
  "permit_key_unknown",
  "permit_signature_invalid",
  "permit_mismatch",
  "wrong_target",
  "permit_expired",
  "subject_hash_mismatch",
  "policy_not_current",
  "infra_unavailable",
  "infra_changed",
  "job_not_allowed",
  "approval_missing",
  "plan_changed",
  // Decided by the claim.
  "permit_used",
  "permit_revoked",
  "job_id_taken",
  // Denials by a flow.
  "policy_denied",
  "approval_required",
  "decide_by_passed",
  "run_by_passed",
  "rejected",
  "withdrawn",
  "statement_invalid",
  "statement_not_counted",
  "step_up_required",
  "step_up_invalid",
  "attestation_invalid",
  "closed",
  "answer_invalid",
  // Denials by a job.
  "project_exists",
  "project_unknown",
  "project_archived",
  "ref_moved",
  "ref_exists",
  "ref_missing",
  "ref_conflict",
  "not_fast_forward",
  "nothing_to_do",
  "staged_bytes_missing",
  "bundle_invalid",
  "prerequisite_missing",
  "patch_does_not_apply",
  "objects_invalid",
  "limit_exceeded",
  "commit_unreachable",
  "merge_conflict",
  "infra_invalid",
  "unrelated_histories",
  "telemetry_invalid",
  "telemetry_misrouted",
  "telemetry_conflict",
  "run_time_exceeded",
  // Denials by a charter.
  "charter_invalid",
  "charter_unreachable",
] as const;
export type DenialCode = (typeof DENIAL_CODES)[number];

/** A denial is a value: a stable code, and a sentence that explains what is wrong and what to do next. */
export interface Denial {
  readonly code: DenialCode;
  readonly message: string;
  /** The conflicting paths, for `merge_conflict`. */
  readonly conflicts?: readonly MergeConflict[];
}

export function buildDenial(code: DenialCode, message: string): Denial {
  return { code, message };
}

/** A value, or the denial in its place. */
export type Outcome<T> = Result<T, { denial: Denial }>;

export function grantValue<T>(value: T) {
  return { ok: true, value } as const satisfies Outcome<T>;
}

export function denyWith(code: DenialCode, message: string) {
  return wrapDenial({ code, message });
}

export function wrapDenial(denial: Denial) {
  return { ok: false, denial } as const satisfies Outcome<never>;
}
