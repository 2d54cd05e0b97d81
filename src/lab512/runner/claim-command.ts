import { grantValue, type Outcome } from "../../domain/denial.js";
import { checkBinding } from "../../domain/permit/binding.js";
import { type CommandEnvelope, hashEnvelope } from "../../domain/permit/envelope.js";
import { readClaim } from "../../storage/claims.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { ActLog } from "./act-log.js";
import { checkCommand } from "./check-command.js";
import { checkExpiry } from "./checks.js";
import { type ClaimRequest, type HeldClaim, isOwnClaim, takeOverClaim, winClaim } from "./claim-holding.js";
import type { Execution, RunnerDependencies } from "./dependencies.js";

/**
 * Runs every check in the contract's order, then claims the permit. A retry that finds its own claim takes it over at once;
 * {@link checkClaimedAct} repeats the checks if the act has not happened.
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
  const bound = checkBinding(envelope, deps.permitKeys, deps.target);
  if (!bound.ok) return bound;
  const execution = { workflow_id, run_id, activity_id, attempt };
  const request: ClaimRequest = { ...execution, tenant_id, jti, envelope_digest };
  const found = attempt > 1 ? await readClaim(store, tenant_id, jti) : undefined;
  if (found !== undefined && (await isOwnClaim(deps, found, request))) {
    log.writeLine(`took over the claim of attempt ${found.claim.attempt}`);
    return grantValue({ held: await takeOverClaim(deps, store, request, found), isTakenOver: true });
  }
  const expiry = checkExpiry(envelope, deps.now());
  if (!expiry.ok) return expiry;
  const checked = await checkCommand(deps, store, envelope);
  if (!checked.ok) return checked;
  const won = await winClaim(deps, store, request, checked.value.infra_revision);
  if (!won.ok) return won;
  log.writeLine("won the claim");
  return grantValue({ held: won.value, isTakenOver: false });
}
