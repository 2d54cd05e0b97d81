import type { z } from "zod";
import type { Result } from "./result.js";

/** An invalid field: its path (`params.branch`, or `` for the whole value) and a sentence that explains what is wrong. */
export interface FieldProblem {
  readonly field: string;
  readonly problem: string;
}

export type ParseResult<T> = Result<T, { problems: readonly FieldProblem[] }>;

/** zod's message for a union without a message of its own. */
const NO_WORDS = "Invalid input";

/** The number of problems that an answer names. */
const PROBLEMS_MAX = 20;

/** Returns the problems of a failed parse with their fields, and how many more there are. An unknown member is reported under its own name. */
export function toFieldProblems(error: z.ZodError): FieldProblem[] {
  const problems = error.issues.flatMap((issue) => toIssueProblems(issue, []));
  if (problems.length <= PROBLEMS_MAX) return problems;
  const more = problems.length - PROBLEMS_MAX;
  return [...problems.slice(0, PROBLEMS_MAX), { field: "", problem: `There are ${more} more problems.` }];
}

function toIssueProblems(issue: z.core.$ZodIssue, within: readonly string[]): FieldProblem[] {
  const at = [...within, ...issue.path.map(String)];
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({ field: [...at, key].join("."), problem: "This member is not known; remove it." }));
  // zod reports only that a record's key is invalid; the reason is in the key's own schema.
  if (issue.code === "invalid_key") return [{ field: at.join("."), problem: issue.issues.map((inner) => inner.message).join(" ") }];
  if (issue.code === "invalid_union" && issue.message === NO_WORDS) {
    // The member with the fewest problems is probably the intended one.
    const [nearest] = [...issue.errors].sort((a, b) => a.length - b.length);
    if (nearest !== undefined) return nearest.flatMap((inner) => toIssueProblems(inner, at));
  }
  return [{ field: at.join("."), problem: issue.message }];
}

/** Parses `value` at a boundary, or reports every invalid field. */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown): ParseResult<T> {
  const result = schema.safeParse(value);
  return result.success ? { ok: true, value: result.data } : { ok: false, problems: toFieldProblems(result.error) };
}

/** Formats the problems in one line for a log or a denial: `branch: …; tag: …`. */
export function formatProblems(problems: readonly FieldProblem[]): string {
  return problems.map((p) => (p.field === "" ? p.problem : `${p.field}: ${p.problem}`)).join("; ");
}
