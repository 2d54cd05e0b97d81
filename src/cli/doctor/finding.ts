/** The result of a check. `next` tells what to do about it. */
export interface DoctorFinding {
  readonly check: string;
  /** `skipped`: it cannot be checked from here. */
  readonly state: "ok" | "warning" | "problem" | "skipped";
  readonly text: string;
  readonly next?: string;
}

export function buildOkFinding(check: string, text: string): DoctorFinding {
  return { check, state: "ok", text };
}

export function buildProblemFinding(check: string, text: string, next: string): DoctorFinding {
  return { check, state: "problem", text, next };
}

export function buildWarningFinding(check: string, text: string, next: string): DoctorFinding {
  return { check, state: "warning", text, next };
}

export function buildSkippedFinding(check: string, text: string): DoctorFinding {
  return { check, state: "skipped", text };
}

/** Runs a check and turns whatever it throws into a problem. */
export async function runCheck(
  check: string,
  next: string,
  look: () => Promise<DoctorFinding | readonly DoctorFinding[]>,
): Promise<readonly DoctorFinding[]> {
  try {
    return [await look()].flat();
  } catch (error) {
    return [buildProblemFinding(check, error instanceof Error ? error.message : String(error), next)];
  }
}
