import type { Result } from "../domain/result.js";

/** The codes with which a command on the infra registry is refused. They are stable: scripts match on them. Source: infra registry v2. */
export const INFRA_REFUSALS = [
  // The command is malformed.
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
  // The command does not fit the registry.
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
  // The command does not fit the checkout.
  "not_on_main",
  "branch_exists",
  "head_detached",
  "tree_dirty",
  "base_stale",
  "no_commits",
  "branch_not_pushed",
  "pull_request_missing",
  "pull_request_exists",
  // A fault has to be repaired first.
  "not_a_checkout",
  "remote_missing",
  "registry_missing",
  "registry_invalid",
  "changelog_invalid",
  "half_done",
  "gh_failed",
] as const;
export type InfraRefusalCode = (typeof INFRA_REFUSALS)[number];

/** A stable code, and a sentence that says what to do. */
export interface InfraRefusal {
  readonly code: InfraRefusalCode;
  readonly message: string;
}

export type InfraOutcome<T> = Result<T, { refusal: InfraRefusal }>;

export function refuseInfraAct(code: InfraRefusalCode, message: string) {
  return { ok: false, refusal: { code, message } } as const satisfies InfraOutcome<never>;
}
