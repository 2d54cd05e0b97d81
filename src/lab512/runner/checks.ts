import { hashInfra, type Infra } from "../../domain/act/infra-context.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { needsCard } from "../../domain/level.js";
import { findAllowance } from "../../domain/permit/allowlist.js";
import type { CommandEnvelope } from "../../domain/permit/envelope.js";
import type { RunnerDependencies } from "./dependencies.js";

const ok: Outcome<null> = grantValue(null);

/** Whether the permit is still valid. A retry that finds its own claim is not checked again. */
export function checkExpiry(envelope: CommandEnvelope, nowMs: number): Outcome<null> {
  if (nowMs < envelope.permit.exp) return ok;
  return denyWith("permit_expired", `The permit expired at ${envelope.permit.exp}; it is ${nowMs} now. Ask for a new one.`);
}

/** The policy of the tenant's charter, read now. */
export async function readPolicyHash({ charters }: RunnerDependencies, tenantId: string): Promise<Outcome<string>> {
  const charter = await charters.readNewest(tenantId);
  return charter.ok ? grantValue(charter.value.policy_hash) : charter;
}

export function checkPolicy(envelope: CommandEnvelope, current: string): Outcome<null> {
  if (current === envelope.policy_hash) return ok;
  return denyWith(
    "policy_not_current",
    `The permit was given under policy ${envelope.policy_hash}; the charter's is ${current}. Ask again.`,
  );
}

/** The project's infra context must equal the one that LAB 256 judged. The rules about it are the policy's. */
export function checkInfra(envelope: CommandEnvelope, infra: Infra): Outcome<null> {
  const { infra_hash } = envelope.permit.scopes;
  const now = hashInfra(infra);
  if (now === infra_hash) return ok;
  const { tenant_id, params } = envelope;
  const found = now === undefined ? "and this Runner keeps no infra registry (OGR_INFRA)" : `and it hashes to ${now} now`;
  return denyWith(
    "infra_changed",
    `The permit was given for the infra context ${infra_hash ?? "none"} of ${tenant_id}/${params.project_id}, ${found}. Ask again.`,
  );
}

/** Checks the job and the endpoints that it needs against the Runner's own allowlist. Source: ADR-002 §6. */
export function checkAllowed(deps: RunnerDependencies, tenantId: string, jobType: string): Outcome<null> {
  const allowance = findAllowance(deps.allowlist, tenantId);
  if (allowance === undefined) return denyWith("tenant_unknown", `${tenantId} is not on this Runner's allowlist.`);
  if (!allowance.jobs.includes(jobType))
    return denyWith("job_not_allowed", `${jobType} is not on this Runner's allowlist for ${tenantId}.`);
  const needed = ["object-store", "temporal"].find((name) => !allowance.network_whitelist.includes(name));
  if (needed !== undefined)
    return denyWith("job_not_allowed", `${jobType} needs \`${needed}\`, which is not on ${tenantId}'s network whitelist.`);
  return ok;
}

/** At L3 and above an act needs an approved card. Returns the digest that its plan must have. */
export function checkApproval(envelope: CommandEnvelope): Outcome<{ plan_digest: string } | null> {
  const { level, approval_ref, plan_digest } = envelope.permit.scopes;
  if (!needsCard(level) && plan_digest === undefined) return grantValue(null);
  if (approval_ref === undefined || plan_digest === undefined)
    return denyWith("approval_missing", `An act of level ${level} needs the \`approval_ref\` of an approved card and its plan.`);
  return grantValue({ plan_digest });
}
