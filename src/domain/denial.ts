import type { MergeConflict } from "./git/merge-conflict.js";
import type { Result } from "./result.js";

/** The codes of denials, each with the HTTP status that answers it. They are stable: clients and runbooks match on them. */
export const DENIAL_STATUS = {
  // The Runner's checks, in their order.
  envelope_invalid: 400,
  tenant_unknown: 403,
  permit_key_unknown: 403,
  permit_signature_invalid: 403,
  permit_mismatch: 403,
  wrong_target: 403,
  permit_expired: 403,
  subject_hash_mismatch: 403,
  policy_not_current: 403,
  infra_unavailable: 503,
  infra_changed: 409,
  job_not_allowed: 403,
  git_key_invalid: 503,
  approval_missing: 403,
  pushers_unknown: 409,
  plan_changed: 409,
  decision_differs: 403,
  // Decided by the claim.
  permit_used: 409,
  permit_revoked: 403,
  job_id_taken: 409,
  // Denials by a flow.
  policy_denied: 403,
  approval_required: 403,
  decide_by_passed: 409,
  run_by_passed: 409,
  rejected: 409,
  withdrawn: 409,
  statement_invalid: 403,
  statement_not_counted: 403,
  step_up_required: 403,
  step_up_invalid: 403,
  attestation_invalid: 403,
  closed: 409,
  answer_invalid: 403,
  // Denials by a job.
  project_exists: 409,
  project_unknown: 404,
  project_archived: 409,
  ref_moved: 409,
  ref_exists: 409,
  ref_missing: 409,
  ref_conflict: 409,
  not_fast_forward: 409,
  nothing_to_do: 409,
  staged_bytes_missing: 422,
  bundle_invalid: 422,
  prerequisite_missing: 422,
  patch_does_not_apply: 422,
  objects_invalid: 422,
  registry_impersonated: 422,
  limit_exceeded: 422,
  commit_unreachable: 422,
  merge_conflict: 409,
  infra_invalid: 422,
  unrelated_histories: 409,
  telemetry_invalid: 422,
  telemetry_misrouted: 422,
  telemetry_conflict: 409,
  run_time_exceeded: 403,
  // Denials by a charter.
  charter_invalid: 403,
  charter_unreachable: 403,
  charter_changed: 409,
} as const;
export type DenialCode = keyof typeof DENIAL_STATUS;
export const DENIAL_CODES = Object.keys(DENIAL_STATUS) as readonly DenialCode[];

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
