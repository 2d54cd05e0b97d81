import { grantValue, type Outcome } from "../../domain/denial.js";
import { checkBinding } from "../../domain/permit/binding.js";
import { type CommandEnvelope, hashEnvelope } from "../../domain/permit/envelope.js";
import { readClaim } from "../../storage/claims.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { ActLog } from "./act-log.js";
import { checkCommand } from "./check-command.js";
import { type ClaimRequest, type HeldClaim, isOwnClaim, takeOverClaim, winClaim } from "./claim-holding.js";
import type { Execution, RunnerDependencies } from "./dependencies.js";

/**
 * Runs every check in the contract's order, then claims the permit. A retry that finds its own claim skips the checks whose result can
 * change with time.
 */
export async function checkAndClaim(
  deps: RunnerDependencies,
  store: ObjectStore,
  { workflow_id, run_id, activity_id, attempt }: Execution,
  envelope: CommandEnvelope,
  log: ActLog,
): Promise<Outcome<{ held: HeldClaim; isTakenOver: boolean }>> {
  const { tenant_id, jti } = envelope;
  const envelope_digest = hashEnvelope(envelope);
  const request: ClaimRequest = { workflow_id, run_id, activity_id, attempt, tenant_id, jti, envelope_digest, now: deps.now };
  const bound = checkBinding(envelope, deps.permitKeys, deps.target);
  if (!bound.ok) return bound;
  const found = attempt > 1 ? await readClaim(store, tenant_id, jti) : undefined;
  if (found !== undefined && isOwnClaim(found, request)) {
    log.writeLine(`took over the claim of attempt ${found.claim.attempt}`);
    return grantValue({ held: await takeOverClaim(store, request, found), isTakenOver: true });
  }
  const checked = await checkCommand(deps, store, envelope);
  if (!checked.ok) return checked;
  const won = await winClaim(store, request, checked.value.infra_revision);
  if (!won.ok) return won;
  log.writeLine("won the claim");
  return grantValue({ held: won.value, isTakenOver: false });
}
