import {
  INFRA_REFUSALS,
  type InfraOutcome,
  type InfraRefusal,
  type InfraRefusalCode,
  type InfraRefusalKind,
} from "../../../infra/refusal.js";
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
    this.exit = EXIT_OF[INFRA_REFUSALS[code]];
  }
}

/** Returns the value of an outcome. @throws InfraRefused */
export function requireOutcome<T>(outcome: InfraOutcome<T>): T {
  if (!outcome.ok) throw new InfraRefused(outcome.refusal);
  return outcome.value;
}

/** The exit code of each kind of refusal. Scripts rely on it. */
const EXIT_OF: Readonly<Record<InfraRefusalKind, ExitCode>> = {
  malformed: EXIT.usage,
  forbidden: EXIT.denied,
  conflict: EXIT.conflict,
  fault: EXIT.error,
};
