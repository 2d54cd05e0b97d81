/** The exit codes. Scripts rely on them. */
export const EXIT = { ok: 0, error: 1, usage: 2, denied: 3, expired: 4, needs_approval: 5, conflict: 6 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const BY_CODE: Readonly<Record<string, ExitCode>> = {
  invalid_request: EXIT.usage,
  not_found: EXIT.error,
  permit_expired: EXIT.expired,
  decide_by_passed: EXIT.expired,
  run_by_passed: EXIT.expired,
  approval_required: EXIT.needs_approval,
  approval_missing: EXIT.needs_approval,
  step_up_required: EXIT.needs_approval,
  rejected: EXIT.denied,
  withdrawn: EXIT.denied,
  conflict: EXIT.conflict,
  permit_used: EXIT.conflict,
  job_id_taken: EXIT.conflict,
  plan_changed: EXIT.conflict,
  infra_changed: EXIT.conflict,
  closed: EXIT.conflict,
  project_exists: EXIT.conflict,
  project_archived: EXIT.conflict,
  ref_moved: EXIT.conflict,
  ref_exists: EXIT.conflict,
  ref_missing: EXIT.conflict,
  ref_conflict: EXIT.conflict,
  not_fast_forward: EXIT.conflict,
  nothing_to_do: EXIT.conflict,
  merge_conflict: EXIT.conflict,
  unrelated_histories: EXIT.conflict,
  telemetry_conflict: EXIT.conflict,
};

/** Returns the exit code of a refusal: by its code, else by its HTTP status. */
export function toExitCode(code: string, httpStatus: number): ExitCode {
  const known = BY_CODE[code];
  if (known !== undefined) return known;
  if (httpStatus === 401 || httpStatus === 403) return EXIT.denied;
  if (httpStatus === 409) return EXIT.conflict;
  return EXIT.error;
}

/** Returns the exit code of a flow that has ended. */
export function toEndExitCode(status: string, code: string | undefined): ExitCode {
  if (status === "success") return EXIT.ok;
  if (status === "expired") return EXIT.expired;
  if (code !== undefined && BY_CODE[code] !== undefined) return BY_CODE[code];
  return status === "error" ? EXIT.error : EXIT.denied;
}
