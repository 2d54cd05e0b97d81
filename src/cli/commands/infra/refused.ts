import type { InfraOutcome, InfraRefusal, InfraRefusalCode } from "../../../infra/refusal.js";
import { EXIT, type ExitCode } from "../../exit-codes.js";
import { CliFailure } from "../../failure.js";

/** An act on the infra registry was refused. The files are unchanged. */
export class InfraRefused extends CliFailure {
  override readonly name = "InfraRefused";
  readonly code: InfraRefusalCode;
  readonly exit: ExitCode;

  constructor({ code, message }: InfraRefusal) {
    super(`${message} (${code})`);
    this.code = code;
    this.exit = EXIT_OF[code];
  }
}

/** Returns the value of an outcome. @throws InfraRefused */
export function requireOutcome<T>(outcome: InfraOutcome<T>): T {
  if (!outcome.ok) throw new InfraRefused(outcome.refusal);
  return outcome.value;
}

/** The exit code of each refusal. Scripts rely on it. */
const EXIT_OF: Readonly<Record<InfraRefusalCode, ExitCode>> = {
  repository_invalid: EXIT.usage,
  context_missing: EXIT.usage,
  context_unknown: EXIT.usage,
  telemetry_repo_missing: EXIT.usage,
  telemetry_repo_invalid: EXIT.usage,
  confirm_delete_missing: EXIT.usage,
  reason_invalid: EXIT.usage,
  branch_invalid: EXIT.usage,
  revision_unknown: EXIT.usage,
  telemetry_cross_org: EXIT.denied,
  branch_is_main: EXIT.denied,
  already_registered: EXIT.conflict,
  name_twin: EXIT.conflict,
  not_registered: EXIT.conflict,
  already_enabled: EXIT.conflict,
  already_disabled: EXIT.conflict,
  telemetry_repo_differs: EXIT.conflict,
  registry_not_modified: EXIT.conflict,
  registry_exists: EXIT.conflict,
  registry_busy: EXIT.conflict,
  registry_changed: EXIT.conflict,
  not_on_main: EXIT.conflict,
  branch_exists: EXIT.conflict,
  head_detached: EXIT.conflict,
  tree_dirty: EXIT.conflict,
  base_stale: EXIT.conflict,
  no_commits: EXIT.conflict,
  branch_not_pushed: EXIT.conflict,
  pull_request_missing: EXIT.conflict,
  pull_request_exists: EXIT.conflict,
  not_a_checkout: EXIT.error,
  remote_missing: EXIT.error,
  registry_missing: EXIT.error,
  registry_invalid: EXIT.error,
  changelog_invalid: EXIT.error,
  half_done: EXIT.error,
  gh_failed: EXIT.error,
};
