import type { PlannedChange } from "../../domain/act/plan.js";
import { hashCanonical } from "../../domain/bytes/canonical.js";
import { type ChangeParams, type CharterChange, type CharterJobType, isCharterJobType } from "../../domain/charter/change.js";
import { type CharterActor, type Passkey, type Person, type RecordWrite, toRecordKey } from "../../domain/charter/records.js";
import type { CharterState } from "../../domain/charter/state.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { parseActorKind } from "../../domain/ids.js";
import { isLevelAtLeast, LEVELS, type Level } from "../../domain/level.js";
import type { PolicyData } from "../policy/data.js";
import { ACTORS_MAX, PERSONS_MAX } from "./apply-change.js";

type Membership = CharterActor["offices"][number];

/** Less time than this at L5 leaves a sealed charter that nobody can change. */
const PERMIT_TTL_MIN_MS = 30_000;
const DECIDE_WITHIN_MIN_MS = 600_000;
const RUN_MIN_MS = 10_000;

/** What a change is planned on: the charter before it, its writes, and the policies before and after it. */
export interface ChangeQuestion {
  readonly state: CharterState;
  readonly change: CharterChange;
  readonly writes: readonly RecordWrite[];
  readonly policy: PolicyData;
  readonly nextPolicy: PolicyData;
  /** Whether power was taken from a person who decides at L5 since the last entry of level L5. */
  readonly hasTakenPower: boolean;
}

/**
 * Plans a change of a charter: what it writes, to whom it gives power, from whom it takes some, and the lowest level at which it can be
 * decided. Denials: `charter_invalid`, `charter_unreachable`. Source: contracts "Charter".
 */
export function planChange(question: ChangeQuestion): Outcome<{ readonly planned: PlannedChange; readonly takesDecider: boolean }> {
  const { state, change, writes, policy, nextPolicy } = question;
  const { jobType } = change;
  if (!isCharterJobType(jobType)) return denyWith("charter_invalid", `${jobType} is not an act.`);
  const records = writes
    .map(({ kind, id = "", value }) => ({
      record: toRecordKey(kind, id),
      before: state.hashRecord(kind, id),
      after: hashCanonical(value),
    }))
    // The order in which a change names its records means nothing.
    .sort((a, b) => (a.record < b.record ? -1 : 1));
  const before = mapDeciders(state, policy);
  const effects = change.jobType === "registry.members.change" ? findEffects(state, change.params) : NO_EFFECTS;
  const undo = state.write(writes);
  try {
    const after = mapDeciders(state, nextPolicy);
    const refused = checkOffices(state, writes, nextPolicy, jobType) ?? checkReachable(state, nextPolicy);
    if (refused !== undefined) return refused;
    const gainers = [...after].filter(([id, level]) => !isAtLeast(before.get(id), level)).map(([id]) => id);
    const level =
      change.jobType === "registry.members.change"
        ? findMembersLevel(effects, before, after, { hasTakenPower: question.hasTakenPower, isHalfFull: isHalfFull(state) })
        : "L5";
    const gives_power_to = [...new Set([...effects.gives, ...gainers])].sort();
    const takes_power_from = [...effects.takes].sort();
    return grantValue({
      planned: { records, gives_power_to, takes_power_from, level },
      takesDecider: takes_power_from.some((id) => before.get(id) === "L5"),
    });
  } finally {
    undo();
  }
}

interface Effects {
  readonly gives: readonly string[];
  readonly takes: readonly string[];
  readonly newPasskeys: readonly Passkey[];
}

const NO_EFFECTS: Effects = { gives: [], takes: [], newPasskeys: [] };

/** Finds whom a change of members gives power and from whom it takes some. Everything that does not merely take gives. */
function findEffects(state: CharterState, { persons, actors }: ChangeParams<"registry.members.change">): Effects {
  const [gives, takes] = [new Set<string>(), new Set<string>()];
  const newPasskeys: Passkey[] = [];
  for (const [id, after] of Object.entries(persons)) {
    const before = state.find("person", id);
    const known = new Set(before?.passkeys.map(({ credential_id }) => credential_id));
    newPasskeys.push(...after.passkeys.filter(({ credential_id }) => !known.has(credential_id)));
    if (before === undefined || hashCanonical(takeFromPerson(before, after)) !== hashCanonical(after)) gives.add(id);
    if (before !== undefined && hashCanonical(takeFromPerson(before, after)) !== hashCanonical(before)) takes.add(id);
  }
  for (const [id, after] of Object.entries(actors)) {
    const before = state.find("actor", id);
    if (before === undefined || hashCanonical(takeFromActor(before, after)) !== hashCanonical(after)) gives.add(after.person_id);
    if (before === undefined) continue;
    if (hashCanonical(takeFromActor(before, after)) !== hashCanonical(before)) takes.add(before.person_id);
    if (before.person_id === after.person_id) continue;
    // Who no longer answers for an agent may approve what it does from then on.
    gives.add(before.person_id);
    takes.add(before.person_id);
  }
  return { gives: [...gives], takes: [...takes], newPasskeys };
}

/** The person before the change, without what the change takes: the passkeys that `after` lacks, and being enabled. */
function takeFromPerson(before: Person, after: Person): Person {
  const kept = new Set(after.passkeys.map(({ credential_id }) => credential_id));
  const passkeys = before.passkeys.filter(({ credential_id }) => kept.has(credential_id));
  return { ...before, passkeys, disabled: before.disabled || after.disabled };
}

function endsEarlier({ until }: Membership, held: Membership): boolean {
  return until !== undefined && (held.until === undefined || until < held.until);
}

/**
 * The actor before the change, without what the change takes: the offices and roles that `after` lacks, the time after an earlier end of an
 * office, and being enabled.
 */
function takeFromActor(before: CharterActor, after: CharterActor): CharterActor {
  const offices = before.offices.flatMap((held) => {
    const kept = after.offices.find(({ office_id }) => office_id === held.office_id);
    if (kept === undefined) return [];
    const roles = held.roles.filter((role) => kept.roles.includes(role));
    return [{ ...held, roles, ...(endsEarlier(kept, held) ? { until: kept.until } : {}) }];
  });
  return { ...before, offices, disabled: before.disabled || after.disabled };
}

/**
 * The highest level at which anybody to whom the change gives power can decide after it, at least L3, and never below what a new passkey
 * counts to. Taking is L4; taking from a second person who decides at L5, before the next entry of level L5, is L5.
 */
function findMembersLevel(
  { gives, takes, newPasskeys }: Effects,
  before: ReadonlyMap<string, Level>,
  after: ReadonlyMap<string, Level>,
  { hasTakenPower, isHalfFull }: { readonly hasTakenPower: boolean; readonly isHalfFull: boolean },
): Level {
  // Many members without power fill the charter for everybody, which one approver must not be able to do.
  const levels: Level[] = [
    isHalfFull ? "L4" : "L3",
    ...gives.map((id) => after.get(id) ?? "L3"),
    ...newPasskeys.map(({ counts_to }) => counts_to),
  ];
  const decidersLost = takes.filter((id) => before.get(id) === "L5").length + (hasTakenPower ? 1 : 0);
  if (takes.length > 0) levels.push(decidersLost > 1 && takes.some((id) => before.get(id) === "L5") ? "L5" : "L4");
  return maxLevel(levels);
}

function isHalfFull(state: CharterState): boolean {
  return state.count("person") > PERSONS_MAX / 2 || state.count("actor") > ACTORS_MAX / 2;
}

function maxLevel(levels: readonly Level[]): Level {
  return levels.reduce((highest, level) => (isLevelAtLeast(level, highest) ? level : highest), LEVELS[0]);
}

function isAtLeast(known: Level | undefined, level: Level): boolean {
  return known !== undefined && isLevelAtLeast(known, level);
}

/**
 * The highest level at which each person can approve by the policy: in an office that approves, up to its ceiling, and above L3 with a
 * passkey that counts to it. `until` of an office is not regarded, so the level is never too low.
 */
function mapDeciders(
  state: CharterState,
  policy: PolicyData,
  counted: (membership: Membership) => boolean = () => true,
): ReadonlyMap<string, Level> {
  const deciders = new Map<string, Level>();
  for (const [actorId, actor] of state.list("actor")) {
    const person = state.find("person", actor.person_id);
    if (actor.disabled || person === undefined || person.disabled || parseActorKind(actorId) !== "person") continue;
    const byPasskey = maxLevel(["L3", ...person.passkeys.filter((one) => counts(state, one.relying_party)).map((one) => one.counts_to)]);
    for (const membership of actor.offices) {
      const office = policy.offices[membership.office_id];
      if (office === undefined || !office.allowed_actions.includes("card.approve") || !counted(membership)) continue;
      const level = isLevelAtLeast(byPasskey, office.risk_ceiling) ? office.risk_ceiling : byPasskey;
      if (!isAtLeast(deciders.get(actor.person_id), level)) deciders.set(actor.person_id, level);
    }
  }
  return deciders;
}

function counts(state: CharterState, relyingParty: string): boolean {
  return state.find("relying_party", relyingParty)?.use === "approve";
}

/** Every office that is held after the change must be one that the policy knows. */
function checkOffices(
  state: CharterState,
  writes: readonly RecordWrite[],
  policy: PolicyData,
  jobType: CharterJobType,
): Outcome<never> | undefined {
  const changed = writes.flatMap(({ kind, id = "" }) => (kind === "actor" ? [id] : []));
  const actors = jobType === "registry.policy.publish" ? state.list("actor").map(([id]) => id) : changed;
  for (const id of actors)
    for (const { office_id } of state.find("actor", id)?.offices ?? [])
      if (policy.offices[office_id] === undefined)
        return denyWith("charter_invalid", `${id} would hold ${office_id}, an office that the policy does not know.`);
  return undefined;
}

/**
 * Once the charter is sealed, persons other than one proposer must be able to fill what the policy asks for the rotation of keys after every
 * change, or nobody could change the charter any more.
 */
function checkReachable(state: CharterState, policy: PolicyData): Outcome<never> | undefined {
  if (state.find("sealed") === undefined) return undefined;
  const job = policy.jobs["registry.keys.rotate"];
  if (job === undefined) return denyUnreachable("the policy has no job `registry.keys.rotate`");
  if (job.attestation !== undefined && (policy.attestors?.[job.attestation]?.keys.length ?? 0) === 0)
    return denyUnreachable(`nobody can attest ${job.attestation}, which the policy asks for`);
  const { permit_ttl_ms, decide_within_ms, max_run_ms } = policy.levels.L5;
  if (permit_ttl_ms < PERMIT_TTL_MIN_MS || decide_within_ms < DECIDE_WITHIN_MIN_MS || max_run_ms < RUN_MIN_MS)
    return denyUnreachable("the policy leaves too little time at L5 to decide, to use the permit or to do the work");
  const actors = state.list("actor").filter(([, actor]) => !actor.disabled && state.find("person", actor.person_id)?.disabled === false);
  const byRole = new Map<string | undefined, ReadonlyMap<string, Level>>();
  for (const [, proposer] of actors)
    for (const { office_id } of proposer.offices.filter(isLasting)) {
      const office = policy.offices[office_id];
      if (office === undefined || office.ttl_default_ms < PERMIT_TTL_MIN_MS) continue;
      if (!office.allowed_actions.includes("registry.keys.rotate") || office.risk_ceiling !== "L5") continue;
      if (!office.scope.targets.includes(job.target)) continue;
      const { role, min_approvals = 0 } = office.approval_policy;
      const deciders =
        byRole.get(role) ?? mapDeciders(state, policy, (held) => isLasting(held) && (role === undefined || held.roles.includes(role)));
      byRole.set(role, deciders);
      const able = [...deciders].filter(([id, level]) => level === "L5" && id !== proposer.person_id);
      if (able.length >= Math.max(2, min_approvals, policy.levels.L5.approvals)) return undefined;
    }
  return denyUnreachable("too few persons other than a proposer could approve at L5");
}

/** An office that ends is not counted on. */
function isLasting({ until }: Membership): boolean {
  return until === undefined;
}

function denyUnreachable(why: string): Outcome<never> {
  return denyWith("charter_unreachable", `After this change nobody could change the charter any more: ${why}.`);
}
