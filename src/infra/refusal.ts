import type { Result } from "../domain/result.js";

/** The codes of refused commands on the infra registry, by kind. They are stable: scripts match on them. Source: infra registry v2. */
export const INFRA_REFUSALS = {
  // The command is malformed.
  repository_invalid: "malformed",
  context_missing: "malformed",
  context_unknown: "malformed",
  telemetry_repo_missing: "malformed",
  telemetry_repo_invalid: "malformed",
  confirm_delete_missing: "malformed",
  reason_invalid: "malformed",
  branch_invalid: "malformed",
  revision_unknown: "malformed",
  // The rules of the document.
  telemetry_cross_org: "forbidden",
  branch_is_main: "forbidden",
  // The command does not fit the registry.
  already_registered: "conflict",
  name_twin: "conflict",
  not_registered: "conflict",
  already_enabled: "conflict",
  already_disabled: "conflict",
  telemetry_repo_differs: "conflict",
  registry_not_modified: "conflict",
  registry_exists: "conflict",
  registry_busy: "conflict",
  registry_changed: "conflict",
  // The command does not fit the checkout.
  not_on_main: "conflict",
  branch_exists: "conflict",
  head_detached: "conflict",
  tree_dirty: "conflict",
  base_stale: "conflict",
  no_commits: "conflict",
  branch_not_pushed: "conflict",
  pull_request_missing: "conflict",
  pull_request_exists: "conflict",
  // A fault has to be repaired first.
  not_a_checkout: "fault",
  remote_missing: "fault",
  registry_missing: "fault",
  registry_invalid: "fault",
  changelog_invalid: "fault",
  half_done: "fault",
  gh_failed: "fault",
} as const;
export type InfraRefusalCode = keyof typeof INFRA_REFUSALS;
export type InfraRefusalKind = (typeof INFRA_REFUSALS)[InfraRefusalCode];

/** A stable code, and a sentence that says what to do. */
export interface InfraRefusal {
  readonly code: InfraRefusalCode;
  readonly message: string;
}

export type InfraOutcome<T> = Result<T, { refusal: InfraRefusal }>;

export function refuseInfraAct(code: InfraRefusalCode, message: string) {
  return { ok: false, refusal: { code, message } } as const satisfies InfraOutcome<never>;
}
