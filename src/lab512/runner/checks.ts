import { type Infra, infraHash } from "../../domain/act/infra-context.js";
import { subjectHash } from "../../domain/act/job.js";
import { verifySigned } from "../../domain/bytes/signature.js";
import { denied, granted, type Outcome } from "../../domain/denial.js";
import { needsCard } from "../../domain/level.js";
import { allowanceOf } from "../../domain/permit/allowlist.js";
import { bindingMismatch, type CommandEnvelope } from "../../domain/permit/envelope.js";
import { audienceOf } from "../../domain/permit/permit.js";
import { activePolicyHash } from "../../domain/policy/active-policy.js";
import { activePolicyKey } from "../../domain/storage-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { RunnerDependencies } from "./dependencies.js";

const ok: Outcome<null> = granted(null);

/** The permit is LAB 256's own and is for this envelope. Source: contracts "The Runner trusts nothing it did not check itself". */
export function checkBinding(deps: RunnerDependencies, envelope: CommandEnvelope): Outcome<null> {
  const { permit } = envelope;
  const signature = verifySigned("permit", permit, deps.permitKeys);
  if (signature === "key_unknown")
    return denied("permit_key_unknown", `The permit is signed by key ${permit.kid}, which this Runner does not know.`);
  if (signature === "signature_invalid") return denied("permit_signature_invalid", "The permit's signature does not verify.");
  const differs = bindingMismatch(envelope);
  if (differs !== undefined) return denied("permit_mismatch", `Envelope and permit differ in \`${differs}\`.`);
  if (permit.aud !== audienceOf(deps.target) || envelope.target !== deps.target)
    return denied("wrong_target", `This Runner is ${deps.target}; the permit is for ${permit.aud}.`);
  return ok;
}

/** The permit's time. A retry that finds its own claim is not measured against it again. */
export function checkExpiry(envelope: CommandEnvelope, nowMs: number): Outcome<null> {
  if (nowMs < envelope.permit.exp) return ok;
  return denied("permit_expired", `The permit expired at ${envelope.permit.exp}; it is ${nowMs} now. Ask for a new one.`);
}

export function checkSubject(envelope: CommandEnvelope): Outcome<null> {
  const actual = subjectHash(envelope.params);
  if (actual === envelope.subject_hash && actual === envelope.permit.scopes.subject_hash) return ok;
  return denied("subject_hash_mismatch", `The params hash to ${actual}; the permit is for ${envelope.permit.scopes.subject_hash}.`);
}

/** The hash of the tenant's published policy, read now. */
export async function readPublishedPolicy(deps: RunnerDependencies, store: ObjectStore, tenantId: string): Promise<Outcome<string>> {
  const pointed = await store.pointers.read(activePolicyKey(tenantId));
  return activePolicyHash(tenantId, pointed?.bytes, deps.foundingKeys.get(tenantId));
}

export function checkPolicy(envelope: CommandEnvelope, published: string): Outcome<null> {
  if (published === envelope.policy_hash) return ok;
  return denied(
    "policy_not_current",
    `The permit was given under policy ${envelope.policy_hash}; the published one is ${published}. Ask again.`,
  );
}

/** The project's infra context now is the one that LAB 256 judged: an equality, and the rules stay the policy's. */
export function checkInfra(envelope: CommandEnvelope, infra: Infra): Outcome<null> {
  const { infra_hash } = envelope.permit.scopes;
  const now = infraHash(infra);
  if (now === infra_hash) return ok;
  const { tenant_id, params } = envelope;
  const found = now === undefined ? "and this Runner keeps no infra registry (OGR_INFRA)" : `and it hashes to ${now} now`;
  return denied(
    "infra_changed",
    `The permit was given for the infra context ${infra_hash ?? "none"} of ${tenant_id}/${params.project_id}, ${found}. Ask again.`,
  );
}

/** The Runner's own allowlist: which jobs, with its scope on disk and its endpoints. Source: ADR-002 §6. */
export function checkAllowed(deps: RunnerDependencies, tenantId: string, jobType: string): Outcome<null> {
  const allowance = allowanceOf(deps.allowlist, tenantId);
  if (allowance === undefined) return denied("tenant_unknown", `${tenantId} is not on this Runner's allowlist.`);
  if (!allowance.jobs.includes(jobType)) return denied("job_not_allowed", `${jobType} is not on this Runner's allowlist for ${tenantId}.`);
  const needed = ["object-store", "temporal"].find((name) => !allowance.network_whitelist.includes(name));
  if (needed !== undefined)
    return denied("job_not_allowed", `${jobType} needs \`${needed}\`, which is not on ${tenantId}'s network whitelist.`);
  return ok;
}

/** At L3 and above there is a card, and the plan made now is the one that was approved. */
export function checkApproval(envelope: CommandEnvelope): Outcome<{ plan_digest: string } | null> {
  const { level, approval_ref, plan_digest } = envelope.permit.scopes;
  if (!needsCard(level) && plan_digest === undefined) return granted(null);
  if (approval_ref === undefined || plan_digest === undefined)
    return denied("approval_missing", `An act of level ${level} needs the \`approval_ref\` of an approved card and its plan.`);
  return granted({ plan_digest });
}
