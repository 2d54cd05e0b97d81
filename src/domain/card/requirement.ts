import type { Requirement } from "../policy/policy-contract.js";

/** A verified statement that counts towards a card's requirements. */
export interface Approval {
  readonly statement_digest: string;
  readonly plan_digest: string;
  readonly actor_id: string;
  readonly person_id: string;
  readonly office_id: string;
  readonly roles: readonly string[];
  readonly step_up: boolean;
  readonly at_ms: number;
}

/** A verified in-toto attestation of the plan, signed by the key `keyid`. */
export interface Attestation {
  readonly attestation_digest: string;
  readonly plan_digest: string;
  readonly predicate_type: string;
  readonly keyid: string;
  readonly at_ms: number;
}

/** What is still missing for a requirement. */
export interface MissingRequirement {
  readonly requirement: Requirement;
  readonly missing: number;
  readonly text: string;
}

/**
 * Lists what `requirements` still lack, given the approvals and attestations of this plan. It only counts: the policy decides what is
 * required and which statements count. A person counts once, however many offices, actors or tokens they hold.
 */
export function listMissingRequirements(
  requirements: readonly Requirement[],
  planDigest: string,
  approvals: readonly Approval[],
  attestations: readonly Pick<Attestation, "plan_digest" | "predicate_type">[],
): MissingRequirement[] {
  return requirements.flatMap((requirement) => {
    if (requirement.kind === "card") return [];
    if (requirement.kind === "approvals") return listMissingApprovals(requirement, planDigest, approvals);
    const found = attestations.some((a) => a.plan_digest === planDigest && a.predicate_type === requirement.predicate_type);
    return found ? [] : [{ requirement, missing: 1, text: `an attestation of type ${requirement.predicate_type}` }];
  });
}

/** A requirement with the persons whose approvals, or the keys whose attestations, count towards it. */
export interface FilledRequirement {
  readonly requirement: Requirement;
  readonly by: readonly string[];
}

/** Lists who fills each of `requirements`, given the approvals and attestations of this plan. */
export function listFilledRequirements(
  requirements: readonly Requirement[],
  planDigest: string,
  approvals: readonly Approval[],
  attestations: readonly Pick<Attestation, "plan_digest" | "predicate_type" | "keyid">[],
): FilledRequirement[] {
  return requirements.map((requirement) => {
    if (requirement.kind === "card") return { requirement, by: [] };
    if (requirement.kind === "approvals") return { requirement, by: listApprovingPersons(requirement, planDigest, approvals) };
    const found = attestations.filter((a) => a.plan_digest === planDigest && a.predicate_type === requirement.predicate_type);
    return { requirement, by: [...new Set(found.map(({ keyid }) => keyid))] };
  });
}

type ApprovalsRequirement = Extract<Requirement, { kind: "approvals" }>;

function listApprovingPersons(requirement: ApprovalsRequirement, planDigest: string, approvals: readonly Approval[]): string[] {
  const counting = approvals
    .filter((a) => a.plan_digest === planDigest)
    .filter((a) => a.step_up || !requirement.step_up)
    .filter((a) => requirement.role === null || a.roles.includes(requirement.role));
  return [...new Set(counting.map((a) => a.person_id))];
}

function listMissingApprovals(requirement: ApprovalsRequirement, planDigest: string, approvals: readonly Approval[]): MissingRequirement[] {
  const missing = Math.max(0, requirement.count - listApprovingPersons(requirement, planDigest, approvals).length);
  return missing === 0 ? [] : [{ requirement, missing, text: formatMissingApprovals(missing, requirement.role, requirement.step_up) }];
}

function formatMissingApprovals(count: number, role: string | null, stepUp: boolean): string {
  const who = role === null ? "" : ` by the role ${role}`;
  return `${count} more approval${count === 1 ? "" : "s"}${who}${stepUp ? " with step-up" : ""}`;
}
