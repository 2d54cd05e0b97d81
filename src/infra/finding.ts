/** The rules that `ogr infra validate` checks, each with a sentence that is true of a valid registry. */
export const VALIDATION_RULES = {
  "registry-missing": "The registry exists.",
  "registry-syntax": "The registry is strict JSON in UTF-8, without duplicate members.",
  "registry-schema": "The registry matches the JSON Schema of its version 2.",
  "telemetry-ownership": "An org's telemetry goes to a repository of that org.",
  "name-twins": "Names differ by more than their case.",
  "changelog-line": "Every line of the changelog matches its JSON Schema.",
  "changelog-append-only": "The changelog begins with that of the base branch.",
  "changelog-agrees": "The registry agrees with its changelog.",
  "changelog-begins-late": "A line of the changelog registers every repository.",
  "production-immutable": "An enabled production repository keeps its context.",
  "only-registry-files": "A change of the registry changes only the registry and its changelog.",
  "base-stale": "The base branch has not changed the registry since the branch left it.",
  "reason-missing": "A mutation gives a reason.",
} as const;
export type ValidationRule = keyof typeof VALIDATION_RULES;

/** Line and column count from 1. Only an error makes a registry invalid. */
export interface Finding {
  readonly rule: ValidationRule;
  readonly severity: "error" | "warning" | "note";
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** An error at the beginning of a file; the caller sets the place if it is known. */
export function buildFinding(file: string, rule: ValidationRule, message: string): Finding {
  return { rule, severity: "error", file, line: 1, column: 1, message };
}
