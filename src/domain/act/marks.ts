import { type MayBreakGlass, pickBreakGlass } from "./break-glass.js";

/** What the claim and the receipt of an act say loudly of how it was decided. */
export interface ActMarks extends MayBreakGlass {
  /** Whether the only person who can approve approved an act of their own. */
  readonly solo?: true | undefined;
}

/** Returns the marks alone, and nothing for an ordinary act. */
export function pickMarks({ solo, ...marks }: ActMarks): ActMarks {
  return { ...pickBreakGlass(marks), ...(solo === true ? { solo } : {}) };
}
