import { type CommandEnvelope, hashEnvelope } from "../../domain/permit/envelope.js";
import type { ObjectStore } from "../../storage/ports.js";
import { readClaim } from "./claim-holding.js";
import type { Execution } from "./dependencies.js";

/** Claims made by a Runner that pulls over HTTP name this instead of a workflow. */
const PULLED = "pulled";

/**
 * The execution of a pulled command. Nobody counts attempts for a Runner that pulls, so the claim does: a Runner that died in the middle
 * finds its own claim and takes it over with the next number.
 */
export async function resolvePulledExecution(store: ObjectStore, envelope: CommandEnvelope, signal: AbortSignal): Promise<Execution> {
  const found = await readClaim(store, envelope.tenant_id, envelope.jti);
  const own = found?.claim.kind === "act" && found.claim.workflow_id === PULLED && found.claim.envelope_digest === hashEnvelope(envelope);
  const attempt = own && found.claim.kind === "act" ? found.claim.attempt + 1 : 1;
  return { workflow_id: PULLED, run_id: envelope.jti, activity_id: envelope.jobId, attempt, signal };
}
