import { type Denial, denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { readPermitEnd } from "../../storage/claims.js";
import type { ObjectStore } from "../../storage/ports.js";
import { type Command, checkCommand } from "./check-command.js";
import type { RunnerDependencies } from "./dependencies.js";

/** A claimed act that must not happen. It ends with a receipt that says so. */
export class ActDenied extends Error {
  override readonly name = "ActDenied";

  constructor(readonly denial: Denial) {
    super(denial.message);
  }
}

/**
 * Checks that a claimed act that has not happened may still happen: LAB 256 has not ended the permit, and for an attempt that takes over,
 * every check but `exp` passes again. Source: contracts "Then the claim".
 */
export async function checkClaimedAct(
  deps: RunnerDependencies,
  store: ObjectStore,
  command: Command,
  isTakenOver: boolean,
): Promise<Outcome<null>> {
  const [end, checked] = await Promise.all([
    readPermitEnd(store, command.envelope.tenant_id, command.envelope.jti),
    isTakenOver ? checkCommand(deps, store, command, { checksExpiry: false }) : undefined,
  ]);
  if (end?.end === "expired") return denyWith("permit_expired", `The permit was recorded as expired: ${end.reason}`);
  if (end !== undefined) return denyWith("permit_revoked", `The permit was ended (${end.end}): ${end.reason}`);
  return checked === undefined || checked.ok ? grantValue(null) : checked;
}
