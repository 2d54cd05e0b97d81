/** Why an act on the infra registry is refused. Every code is stable: scripts match on it. Source: infra registry v2. */
export const INFRA_REFUSALS = [
  // What was written cannot mean anything.
  "repository_invalid",
  "context_missing",
  "context_unknown",
  "telemetry_repo_missing",
  "telemetry_repo_invalid",
  "confirm_delete_missing",
  "reason_invalid",
  "branch_invalid",
  "revision_unknown",
  // The rules of the document.
  "telemetry_cross_org",
  "branch_is_main",
  // The registry stands otherwise.
  "already_registered",
  "name_twin",
  "not_registered",
  "already_enabled",
  "already_disabled",
  "telemetry_repo_differs",
  "registry_not_modified",
  "registry_exists",
  "registry_busy",
  "registry_changed",
  // The checkout stands otherwise.
  "not_on_main",
  "branch_exists",
  "head_detached",
  "tree_dirty",
  "base_stale",
  "no_commits",
  "branch_not_pushed",
  "pull_request_missing",
  "pull_request_exists",
  // Something is wrong that has to be repaired first.
  "not_a_checkout",
  "remote_missing",
  "registry_missing",
  "registry_invalid",
  "changelog_invalid",
  "half_done",
  "gh_failed",
] as const;
export type InfraRefusalCode = (typeof INFRA_REFUSALS)[number];

/** A refusal is a value: a stable code, and a sentence that says what to do. */
export interface InfraRefusal {
  readonly code: InfraRefusalCode;
  readonly message: string;
}

export type InfraOutcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: InfraRefusal };

export function acceptInfraValue<T>(value: T): InfraOutcome<T> {
  return { ok: true, value };
}

export function refuseInfraAct(code: InfraRefusalCode, message: string): { readonly ok: false; readonly refusal: InfraRefusal } {
  return { ok: false, refusal: { code, message } };
}
