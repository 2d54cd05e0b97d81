import { hashCanonical } from "../../domain/bytes/canonical.js";
import { findOpenPlaces } from "../../domain/card/requirement.js";
import { CHARTER_JOB_TYPES } from "../../domain/charter/change.js";
import type { CharterActor, RecordWrite } from "../../domain/charter/records.js";
import type { CharterState } from "../../domain/charter/state.js";
import { denyWith, type Outcome } from "../../domain/denial.js";
import { parseActorKind } from "../../domain/ids.js";
import { NETWORK_NAMES } from "../../domain/permit/allowlist.js";
import { APPROVALS_MAX } from "../../domain/policy/policy-contract.js";
import type { PolicyData } from "../policy/data.js";
import type { DecidingPolicy } from "../policy/passkey-filter.js";
import { hasSparePasskey } from "./apply-change.js";
import { type Membership, mapRolesOfDeciders } from "./deciders.js";

/** Less time than this at L5 leaves a sealed charter that nobody can change. */
const PERMIT_TTL_MIN_MS = 30_000;
const DECIDE_WITHIN_MIN_MS = 600_000;
const RUN_MIN_MS = 10_000;

/**
 * Once the charter is sealed, persons other than one proposer must be able to fill what the policy asks for the rotation of keys after every
 * change, or nobody could change the charter any more.
 */
export function checkReachable(state: CharterState, deciding: DecidingPolicy): Outcome<never> | undefined {
  if (state.find("sealed") === undefined) return undefined;
  const policy = deciding.data;
  const job = policy.jobs["registry.keys.rotate"];
  if (job === undefined) return denyUnreachable("the policy has no job `registry.keys.rotate`");
  if (job.attestation !== undefined && (policy.attestors?.[job.attestation]?.keys.length ?? 0) === 0)
    return denyUnreachable(`nobody can attest ${job.attestation}, which the policy asks for`);
  const { permit_ttl_ms, decide_within_ms, max_run_ms } = policy.levels.L5;
  if (permit_ttl_ms < PERMIT_TTL_MIN_MS || decide_within_ms < DECIDE_WITHIN_MIN_MS || max_run_ms < RUN_MIN_MS)
    return denyUnreachable("the policy leaves too little time at L5 to decide, to use the permit or to do the work");
  if (canRotateKeys(state, policy, job, mapRolesOfDeciders(state, deciding, "L5", isLasting))) return undefined;
  return denyUnreachable("too few persons other than a proposer could approve at L5");
}

/** Sealing needs one person to spare, whoever it is, of those with two passkeys that count at L5, since a passkey can be lost. */
export function checkSparePerson(state: CharterState, deciding: DecidingPolicy): Outcome<never> | undefined {
  const policy = deciding.data;
  const job = policy.jobs["registry.keys.rotate"];
  const deciders = new Map(mapRolesOfDeciders(state, deciding, "L5", isLasting));
  for (const id of deciders.keys()) if (!hasSparePasskey(state, state.find("person", id), deciding.acceptsPasskey)) deciders.delete(id);
  const isSpare = (id: string) => job !== undefined && canRotateKeys(state, policy, job, deciders, id);
  const needed = listUnlike(state, deciders.keys()).find((id) => !isSpare(id));
  if (needed === undefined && deciders.size > 0) return undefined;
  const who = needed ?? "anybody";
  return denyUnreachable(`without ${who}, too few persons with two passkeys each could approve at L5, and a person can be lost`);
}

/** Lists one of all persons whose actors hold the same offices and roles: what holds without one holds without another. */
function listUnlike(state: CharterState, ids: Iterable<string>): readonly string[] {
  const held = new Map<string, string[]>();
  for (const [actorId, { person_id, disabled, offices }] of state.list("actor")) {
    const one = hashCanonical([parseActorKind(actorId), disabled, offices]);
    held.set(person_id, [...(held.get(person_id) ?? []), one].sort());
  }
  return [...new Map(Array.from(ids, (id) => [held.get(id)?.join(" "), id])).values()];
}

/**
 * Returns whether those of `deciders` who are not one proposer can fill what the policy asks for the rotation of keys, also without the person
 * `lost`.
 */
function canRotateKeys(
  state: CharterState,
  policy: PolicyData,
  job: PolicyData["jobs"][string],
  deciders: ReadonlyMap<string, readonly string[]>,
  lost?: string,
): boolean {
  const able = [...deciders].filter(([id]) => id !== lost);
  return Object.entries(policy.offices).some(([officeId, office]) => {
    if (office.ttl_default_ms < PERMIT_TTL_MIN_MS || !office.scope.targets.includes(job.target)) return false;
    if (!office.allowed_actions.includes("registry.keys.rotate") || office.risk_ceiling !== "L5") return false;
    const proposers = listHolders(state, officeId, lost);
    if (proposers.size === 0) return false;
    // Somebody who proposes does not approve. It need not be a decider.
    const own = [...proposers].every((id) => deciders.has(id)) ? 1 : 0;
    const { min_approvals = 0, roles } = office.approval_policy;
    const asked = joinRoles(policy.levels.L5.roles, job.roles, roles);
    const places = Object.values(asked).reduce((sum, n) => sum + n, 0);
    if (places > APPROVALS_MAX || able.length - own < Math.max(2, min_approvals, policy.levels.L5.approvals, places)) return false;
    const needed = { ...asked, [PROPOSER]: own };
    const held = new Map(able.map(([id, held]) => [id, proposers.has(id) ? [...held, PROPOSER] : held]));
    return findOpenPlaces(needed, held).count === 0;
  });
}

/** The place of the proposer among the persons who decide. No role can have this name, since a role has no spaces at its ends. */
const PROPOSER = " proposer ";

/** The persons but `lost` whose enabled actors, of whatever kind, hold an office without an end. */
function listHolders(state: CharterState, officeId: string, lost?: string): ReadonlySet<string> {
  const holds = ({ disabled, person_id, offices }: CharterActor): boolean =>
    !disabled &&
    person_id !== lost &&
    state.find("person", person_id)?.disabled === false &&
    offices.some((one) => one.office_id === officeId && isLasting(one));
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
