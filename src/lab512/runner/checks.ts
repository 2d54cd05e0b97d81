import type { NewestCharter } from "../../decision/charter/newest-charter.js";
import { hashInfra, type Infra } from "../../domain/act/infra-context.js";
import { isCharterJob } from "../../domain/act/job.js";
import type { CharterVersions } from "../../domain/charter/versions.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { needsCard } from "../../domain/level.js";
import type { Allowance } from "../../domain/permit/allowlist.js";
import type { CommandEnvelope } from "../../domain/permit/envelope.js";
import type { RunnerDependencies } from "./dependencies.js";

const ok: Outcome<null> = grantValue(null);

/** Checks that the permit is still valid. An act that was claimed in time stays in time. */
export function checkExpiry(envelope: CommandEnvelope, nowMs: number): Outcome<null> {
  if (nowMs < envelope.permit.exp) return ok;
  return denyWith("permit_expired", `The permit expired at ${envelope.permit.exp}, and it is ${nowMs} now. Request a new one.`);
}

/** Reads the current policy of the tenant's charter. */
export async function readPolicyHash({ charters }: RunnerDependencies, tenantId: string): Promise<Outcome<string>> {
  const charter = await charters.readNewest(tenantId);
  return charter.ok ? grantValue(charter.value.policy_hash) : charter;
}

/**
 * Checks that the charters are no older than those by which the permit was issued, that its key was valid in them, and that the policy is still
 * the same.
 */
export function checkCharter({ tenant_id, policy_hash, permit }: CommandEnvelope, charter: NewestCharter): Outcome<null> {
  const { charter_version, operator_version } = permit.scopes;
  const denyMissing = (named: number, whose: string, found: number) =>
    denyWith(
      "charter_invalid",
      `The permit was issued under version ${named} of the charter of ${whose}, and the store has ${found}: it was restored from an old backup, or entries were removed. Restore them.`,
    );
  if (charter.version < charter_version) return denyMissing(charter_version, tenant_id, charter.version);
  const { operator_version: newest } = charter.versions;
  if (newest !== undefined && operator_version !== undefined && newest < operator_version)
    return denyMissing(operator_version, "the operator", newest);
  if (charter.findKeyAt(permit.kid, "permit", permit.scopes) === undefined)
    return denyWith(
      "charter_invalid",
      `The key ${permit.kid} is not a permit key in the versions of the charters that the permit names. Request a new one.`,
    );
  if (charter.policy_hash === policy_hash) return ok;
  return denyWith(
    "policy_not_current",
    `The permit was issued under policy ${policy_hash}, but the charter's is ${charter.policy_hash}. Request a new one.`,
  );
}

/**
 * Checks that the commits and tags that this Runner makes would verify: its git key is valid in the charter now, and in the version that the
 * permit names, by which everybody verifies them later. A change of the charter makes none, so it can repair this.
 */
export function checkGitKey({ gitKey }: RunnerDependencies, envelope: CommandEnvelope, charter: NewestCharter): Outcome<null> {
  if (isCharterJob(envelope)) return ok;
  const { tenant_id, permit } = envelope;
  const isValidAt = (versions: CharterVersions) => charter.findKeyAt(gitKey.kid, "git", versions) !== undefined;
  const deny = (version: number, next: string) =>
    denyWith(
      "git_key_invalid",
      `This Runner signs commits and tags with the key ${gitKey.kid}, which is not a valid git key in version ${version} of the charter of ${tenant_id}. ${next}`,
    );
  if (!isValidAt(charter.versions))
    return deny(charter.version, "Add it to the charter (registry.keys.rotate), or start the Runner with the charter's key.");
  if (!isValidAt(permit.scopes))
    return deny(permit.scopes.charter_version, "The permit is older than the key. Request a new one; for a card, open a new card.");
  return ok;
}

/** Checks that the project's infra context equals the one that LAB 256 decided on. The rules about it belong to the policy. */
export function checkInfra(envelope: CommandEnvelope, infra: Infra): Outcome<null> {
  const { infra_hash } = envelope.permit.scopes;
  const now = hashInfra(infra);
  if (now === infra_hash) return ok;
  const { tenant_id, params } = envelope;
  const found = now === undefined ? "but this Runner has no infra registry (OGR_INFRA)" : `but its hash is now ${now}`;
  return denyWith(
    "infra_changed",
    `The permit was issued for the infra context ${infra_hash ?? "none"} of ${tenant_id}/${params.project_id}, ${found}. Request a new one.`,
  );
}

/**
 * Checks the job, and the endpoints that it needs, against what the operator's charter allows for the tenant and this Runner's own allowlist leaves
 * of it. Source: ADR-002 §6, contracts "Charter".
 */
export function checkAllowed(allowance: Allowance, tenantId: string, jobType: string): Outcome<null> {
  if (!allowance.jobs.includes(jobType))
    return denyWith("job_not_allowed", `${jobType} is not on this Runner's allowlist for ${tenantId}.`);
  const needed = ["object-store", "temporal"].find((name) => !allowance.network_whitelist.includes(name));
  if (needed !== undefined)
    return denyWith("job_not_allowed", `${jobType} needs \`${needed}\`, which is not on ${tenantId}'s network whitelist.`);
  return ok;
}

/** Checks that an act at L3 or above has an approved card. Returns the digest that its plan must have. */
export function checkApproval(envelope: CommandEnvelope): Outcome<{ plan_digest: string } | null> {
  const { level, approval_ref, plan_digest } = envelope.permit.scopes;
  if (!needsCard(level) && plan_digest === undefined) return grantValue(null);
  if (approval_ref === undefined || plan_digest === undefined)
    return denyWith("approval_missing", `An act of level ${level} needs the \`approval_ref\` of an approved card and its plan.`);
  return grantValue({ plan_digest });
}
