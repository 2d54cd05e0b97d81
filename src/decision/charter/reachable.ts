import { findOpenPlaces } from "../../domain/card/requirement.js";
import { CHARTER_JOB_TYPES } from "../../domain/charter/change.js";
import type { CharterActor, RecordWrite } from "../../domain/charter/records.js";
import type { CharterState } from "../../domain/charter/state.js";
import { denyWith, type Outcome } from "../../domain/denial.js";
import { NETWORK_NAMES } from "../../domain/permit/allowlist.js";
import { APPROVALS_MAX } from "../../domain/policy/policy-contract.js";
import type { PolicyData } from "../policy/data.js";
import { type Membership, mapRolesOfDeciders } from "./deciders.js";

/** Less time than this at L5 leaves a sealed charter that nobody can change. */
const PERMIT_TTL_MIN_MS = 30_000;
const DECIDE_WITHIN_MIN_MS = 600_000;
const RUN_MIN_MS = 10_000;

/**
 * Once the charter is sealed, persons other than one proposer must be able to fill what the policy asks for the rotation of keys after every
 * change, or nobody could change the charter any more.
 */
export function checkReachable(state: CharterState, policy: PolicyData): Outcome<never> | undefined {
  if (state.find("sealed") === undefined) return undefined;
  const job = policy.jobs["registry.keys.rotate"];
  if (job === undefined) return denyUnreachable("the policy has no job `registry.keys.rotate`");
  if (job.attestation !== undefined && (policy.attestors?.[job.attestation]?.keys.length ?? 0) === 0)
    return denyUnreachable(`nobody can attest ${job.attestation}, which the policy asks for`);
  const { permit_ttl_ms, decide_within_ms, max_run_ms } = policy.levels.L5;
  if (permit_ttl_ms < PERMIT_TTL_MIN_MS || decide_within_ms < DECIDE_WITHIN_MIN_MS || max_run_ms < RUN_MIN_MS)
    return denyUnreachable("the policy leaves too little time at L5 to decide, to use the permit or to do the work");
  const deciders = mapRolesOfDeciders(state, policy, "L5", isLasting);
  for (const [officeId, office] of Object.entries(policy.offices)) {
    if (office.ttl_default_ms < PERMIT_TTL_MIN_MS || !office.scope.targets.includes(job.target)) continue;
    if (!office.allowed_actions.includes("registry.keys.rotate") || office.risk_ceiling !== "L5") continue;
    const proposers = listHolders(state, officeId);
    if (proposers.size === 0) continue;
    // Somebody who proposes does not approve. It need not be a decider.
    const own = [...proposers].every((id) => deciders.has(id)) ? 1 : 0;
    const { min_approvals = 0, roles } = office.approval_policy;
    const asked = joinRoles(policy.levels.L5.roles, job.roles, roles);
    const places = Object.values(asked).reduce((sum, n) => sum + n, 0);
    if (places > APPROVALS_MAX || deciders.size - own < Math.max(2, min_approvals, policy.levels.L5.approvals, places)) continue;
    const needed = { ...asked, [PROPOSER]: own };
    const held = new Map([...deciders].map(([id, held]) => [id, proposers.has(id) ? [...held, PROPOSER] : held]));
    if (findOpenPlaces(needed, held).count === 0) return undefined;
  }
  return denyUnreachable("too few persons other than a proposer could approve at L5");
}

/** The place of the proposer among the persons who decide. No role can have this name, since a role has no spaces at its ends. */
const PROPOSER = " proposer ";

/** The persons whose enabled actors, of whatever kind, hold an office without an end. */
function listHolders(state: CharterState, officeId: string): ReadonlySet<string> {
  const holds = ({ disabled, person_id, offices }: CharterActor): boolean =>
    !disabled && state.find("person", person_id)?.disabled === false && offices.some((one) => one.office_id === officeId && isLasting(one));
  return new Set(state.list("actor").flatMap(([, actor]) => (holds(actor) ? [actor.person_id] : [])));
}

type Roles = Readonly<Record<string, number>> | undefined;

/** The highest number that any of these asks for, for each role. */
function joinRoles(...asking: readonly Roles[]): Readonly<Record<string, number>> {
  const joined: Record<string, number> = {};
  for (const asks of asking) for (const [role, count] of Object.entries(asks ?? {})) joined[role] = Math.max(count, joined[role] ?? 0);
  return joined;
}

/** Runners must keep being allowed to change the charter that says what they are allowed to do, which is the operator's. */
export function checkOwnAllowance(tenantId: string, writes: readonly RecordWrite[]): Outcome<never> | undefined {
  const own = writes.find(({ kind, id }) => kind === "tenant" && id === tenantId);
  if (own?.kind !== "tenant") return undefined;
  const { jobs, network_whitelist } = own.value.allowance;
  const missing = CHARTER_JOB_TYPES.find((job) => !jobs.includes(job)) ?? NETWORK_NAMES.find((name) => !network_whitelist.includes(name));
  return missing === undefined ? undefined : denyUnreachable(`the allowance of ${tenantId} lacks ${missing}`);
}

/** An office that ends is not counted on. */
function isLasting({ until }: Membership): boolean {
  return until === undefined;
}

function denyUnreachable(why: string): Outcome<never> {
  return denyWith("charter_unreachable", `After this change nobody could change the charter any more: ${why}.`);
}
