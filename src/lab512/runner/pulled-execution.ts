import { type CommandEnvelope, hashEnvelope } from "../../domain/permit/envelope.js";
import { readClaim } from "../../storage/claims.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { Execution } from "./dependencies.js";

/** Claims of a Runner that pulls over HTTP have this in place of a workflow id. */
const PULLED = "pulled";

/**
 * Resolves the execution of a pulled command. No workflow counts its attempts, so the claim does: a Runner that finds the command claimed
 * has the next number, with which it may take the claim over.
 */
export async function resolvePulledExecution(store: ObjectStore, envelope: CommandEnvelope, signal: AbortSignal): Promise<Execution> {
  const claim = (await readClaim(store, envelope.tenant_id, envelope.jti))?.claim;
  const isClaimed = claim?.envelope_digest === hashEnvelope(envelope);
  return { workflow_id: PULLED, run_id: envelope.jti, activity_id: envelope.jobId, attempt: isClaimed ? claim.attempt + 1 : 1, signal };
}
