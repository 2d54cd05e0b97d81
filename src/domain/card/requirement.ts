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

type ApprovalsRequirement = Extract<Requirement, { kind: "approvals" }>;

function listMissingApprovals(requirement: ApprovalsRequirement, planDigest: string, approvals: readonly Approval[]): MissingRequirement[] {
  const persons = new Set(
    approvals
      .filter((a) => a.plan_digest === planDigest)
      .filter((a) => a.step_up || !requirement.step_up)
      .filter((a) => requirement.role === null || a.roles.includes(requirement.role))
      .map((a) => a.person_id),
  );
  const missing = Math.max(0, requirement.count - persons.size);
  return missing === 0 ? [] : [{ requirement, missing, text: formatMissingApprovals(missing, requirement.role, requirement.step_up) }];
}

function formatMissingApprovals(count: number, role: string | null, stepUp: boolean): string {
  const who = role === null ? "" : ` by the role ${role}`;
  return `${count} more approval${count === 1 ? "" : "s"}${who}${stepUp ? " with step-up" : ""}`;
}
