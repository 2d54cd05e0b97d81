/** What a check found. `next` says what to do about it. */
export interface Finding {
  readonly check: string;
  /** `skipped`: it could not be looked at from here. */
  readonly state: "ok" | "warning" | "problem" | "skipped";
  readonly text: string;
  readonly next?: string;
}

export function fine(check: string, text: string): Finding {
  return { check, state: "ok", text };
}

export function wrong(check: string, text: string, next: string): Finding {
  return { check, state: "problem", text, next };
}

export function suspicious(check: string, text: string, next: string): Finding {
  return { check, state: "warning", text, next };
}

export function skipped(check: string, text: string): Finding {
  return { check, state: "skipped", text };
}

/** Looks, and takes whatever is thrown for the problem that was looked for. */
export async function looked(check: string, next: string, look: () => Promise<Finding | readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return [await look()].flat();
  } catch (error) {
    return [wrong(check, error instanceof Error ? error.message : String(error), next)];
  }
}
