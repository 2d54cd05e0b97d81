import { DENIAL_STATUS, type DenialCode } from "../domain/denial.js";

/** The exit codes. Scripts rely on them. */
export const EXIT = { ok: 0, error: 1, usage: 2, denied: 3, expired: 4, needs_approval: 5, conflict: 6 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The exit codes of codes that are no conflict and that the HTTP status does not decide. */
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
};

/** Returns the exit code of a code; undefined if the HTTP status or the end of the flow decides it. */
function findExitCode(code: string): ExitCode | undefined {
  const isConflict = code === "conflict" || DENIAL_STATUS[code as DenialCode] === 409;
  return BY_CODE[code] ?? (isConflict ? EXIT.conflict : undefined);
}

/** Returns the exit code of a refusal: by its code, else by its HTTP status. */
export function toExitCode(code: string, httpStatus: number): ExitCode {
  const known = findExitCode(code);
  if (known !== undefined) return known;
  if (httpStatus === 401 || httpStatus === 403) return EXIT.denied;
  if (httpStatus === 409) return EXIT.conflict;
  return EXIT.error;
}

/** Returns the exit code of a flow that has ended. */
export function toEndExitCode(status: string, code: string | undefined): ExitCode {
  if (status === "success") return EXIT.ok;
  if (status === "expired") return EXIT.expired;
  const known = code === undefined ? undefined : findExitCode(code);
  return known ?? (status === "error" ? EXIT.error : EXIT.denied);
}
