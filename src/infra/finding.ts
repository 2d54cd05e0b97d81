/** The rules that `ogr infra validate` checks, with what each of them asks for. */
export const VALIDATION_RULES = {
  "registry-missing": "The registry and its changelog are there.",
  "registry-syntax": "The registry is strict JSON in UTF-8, without a member that stands twice.",
  "registry-schema": "The registry keeps to the JSON Schema of its version 2.",
  "telemetry-ownership": "An org's telemetry goes to a repository of that org.",
  "name-twins": "Names are told apart by more than their case.",
  "changelog-line": "Every line of the changelog keeps to its JSON Schema.",
  "changelog-append-only": "The changelog only grows: what the base branch has stays as it is.",
  "changelog-agrees": "The registry is what its changelog says.",
  "changelog-begins-late": "Every repository has been registered by a line of the changelog.",
  "production-immutable": "The context of an enabled production repository is never changed in place.",
  "only-registry-files": "A change of the registry changes the registry and its changelog, and nothing else.",
  "base-stale": "The branch has the registry of its base branch in its history.",
  "reason-missing": "A mutation says why it was made.",
} as const;
export type ValidationRule = keyof typeof VALIDATION_RULES;

/** One finding; line and column from 1. Only an error makes a registry invalid. */
export interface Finding {
  readonly rule: ValidationRule;
  readonly severity: "error" | "warning" | "note";
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** An error in a file, at its beginning until a place is known. */
export function buildFinding(file: string, rule: ValidationRule, message: string): Finding {
  return { rule, severity: "error", file, line: 1, column: 1, message };
}
