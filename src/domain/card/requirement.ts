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

/** Describes a requirement: `2 approvals with step-up (1 in the role owner)`. */
export function describeRequirement(requirement: Requirement): string {
  if (requirement.kind === "card") return "a card";
  if (requirement.kind === "attestation") return `an attestation of type ${requirement.predicate_type}`;
  const { count, roles, step_up } = requirement;
  const places = Object.entries(roles)
    .sort()
    .map(([role, n]) => `${n} in the role ${role}`);
  return `${count} approval${count === 1 ? "" : "s"}${step_up ? " with step-up" : ""}${places.length === 0 ? "" : ` (${places.join(", ")})`}`;
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
    if (requirement.kind === "approvals") return { requirement, by: [...groupRolesByPerson(requirement, planDigest, approvals).keys()] };
    const found = attestations.filter((a) => a.plan_digest === planDigest && a.predicate_type === requirement.predicate_type);
    return { requirement, by: [...new Set(found.map(({ keyid }) => keyid))] };
  });
}

type ApprovalsRequirement = Extract<Requirement, { kind: "approvals" }>;

/** The roles of each person whose approval counts towards a requirement, in all offices in which the person approved. */
function groupRolesByPerson(
  requirement: ApprovalsRequirement,
  planDigest: string,
  approvals: readonly Approval[],
): ReadonlyMap<string, readonly string[]> {
  const byPerson = new Map<string, readonly string[]>();
  for (const { plan_digest, step_up, person_id, roles } of approvals)
    if (plan_digest === planDigest && (step_up || !requirement.step_up))
      byPerson.set(person_id, [...(byPerson.get(person_id) ?? []), ...roles]);
  return byPerson;
}

function listMissingApprovals(requirement: ApprovalsRequirement, planDigest: string, approvals: readonly Approval[]): MissingRequirement[] {
  const persons = groupRolesByPerson(requirement, planDigest, approvals);
  const open = findOpenPlaces(requirement.roles, persons);
  const missing = Math.max(open.count, requirement.count - persons.size);
  return missing <= 0 ? [] : [{ requirement, missing, text: formatMissingApprovals(missing, open, requirement.step_up) }];
}

/** Places that a requirement's `roles` ask for and nobody fills, and the roles of whom one more person would fill a place. */
export interface OpenPlaces {
  readonly count: number;
  readonly roles: readonly string[];
}

/** Finds the places that stay open if every person fills at most one and as many as possible are filled. */
export function findOpenPlaces(
  needed: Readonly<Record<string, number>>,
  rolesByPerson: ReadonlyMap<string, readonly string[]>,
): OpenPlaces {
  const holders = [...rolesByPerson].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, roles]) => roles);
  const count = countOpenPlaces(needed, holders);
  if (count === 0) return { count, roles: [] };
  const roles = Object.keys(needed)
    .filter((role) => countOpenPlaces(needed, [...holders, [role]]) < count)
    .sort();
  return { count, roles };
}

/** Computes a maximum bipartite matching of places and persons by augmenting paths. */
function countOpenPlaces(needed: Readonly<Record<string, number>>, holders: readonly (readonly string[])[]): number {
  const places = Object.entries(needed).flatMap(([role, count]) => Array.from({ length: count }, () => role));
  /** The place that each person fills. */
  const filled = new Map<number, number>();
  const fillPlace = (place: number, tried: Set<number>): boolean =>
    holders.some((roles, person) => {
      if (tried.has(person) || !roles.includes(places[place] ?? "")) return false;
      tried.add(person);
      const other = filled.get(person);
      if (other !== undefined && !fillPlace(other, tried)) return false;
      filled.set(person, place);
      return true;
    });
  return places.filter((_, place) => !fillPlace(place, new Set())).length;
}

function formatMissingApprovals(count: number, open: OpenPlaces, stepUp: boolean): string {
  const howMany = count === 1 ? "" : open.count === count ? "each " : `${open.count} of them `;
  const who = open.count === 0 ? "" : `, ${howMany}in the role ${open.roles.join(" or ")}`;
  return `${count} more approval${count === 1 ? "" : "s"}${stepUp ? " with step-up" : ""}${who}`;
}
