import type { PlannedChange } from "../../domain/act/plan.js";
import { hashCanonical } from "../../domain/bytes/canonical.js";
import { type ChangeParams, type CharterChange, isCharterJobType } from "../../domain/charter/change.js";
import { type CharterActor, type Passkey, type Person, type RecordWrite, toRecordKey } from "../../domain/charter/records.js";
import type { CharterState } from "../../domain/charter/state.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { Level } from "../../domain/level.js";
import type { PolicyData } from "../policy/data.js";
import type { DecidingPolicy } from "../policy/passkey-filter.js";
import type { Policy } from "../policy/policy.js";
import { ACTORS_MAX, PERSONS_MAX } from "./apply-change.js";
import { isAtLeast, type Membership, mapDeciders, maxLevel } from "./deciders.js";
import { checkReachable, checkSparePerson } from "./reachable.js";

/** A change as it would be made next. */
export interface NextChange {
  readonly writes: readonly RecordWrite[];
  readonly planned: PlannedChange;
  /** Whether it takes power from a person who decides at L5. */
  readonly takesDecider: boolean;
  readonly policy: Policy;
}

/** The policies after a change. */
export interface NextPolicies {
  readonly nextPolicy: DecidingPolicy;
  /** The policy of the tenant that the change founds. */
  readonly foundedPolicy: PolicyData | null;
}

/** What a change is planned on: the charter before it, its writes, and the policies before and after it. */
export interface ChangeQuestion extends NextPolicies {
  readonly state: CharterState;
  readonly change: CharterChange;
  readonly writes: readonly RecordWrite[];
  readonly policy: DecidingPolicy;
  /** Whether power was taken from a person who decides at L5 since the last entry of level L5. */
  readonly hasTakenPower: boolean;
}

/**
 * Plans a change of a charter: what it writes, to whom it gives power, from whom it takes some, and the lowest level at which it can be
 * decided. Denials: `charter_invalid`, `charter_unreachable`. Source: contracts "Charter".
 */
export function planChange(question: ChangeQuestion): Outcome<{ readonly planned: PlannedChange; readonly takesDecider: boolean }> {
  const { state, change, writes, policy, nextPolicy, foundedPolicy } = question;
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
    const refused =
      checkOffices(listHolders(state, writes, change), nextPolicy.data) ??
      checkFoundedOffices(change, foundedPolicy) ??
      checkReachable(state, nextPolicy) ??
      (jobType === "registry.charter.seal" ? checkSparePerson(state, nextPolicy) : undefined);
    if (refused !== undefined) return refused;
    const gainers = [...after].filter(([id, level]) => !isAtLeast(before.get(id), level)).map(([id]) => id);
    const level =
      change.jobType === "registry.members.change"
        ? findMembersLevel(effects, before, after, { hasTakenPower: question.hasTakenPower, isHalfFull: isHalfFull(state) })
        : change.jobType === "registry.webhooks.change"
          ? "L4"
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

/** Lists the actors whose offices the policy after the change must know. */
function listHolders(
  state: CharterState,
  writes: readonly RecordWrite[],
  { jobType }: CharterChange,
): readonly (readonly [string, CharterActor])[] {
  if (jobType === "registry.policy.publish") return state.list("actor");
  return writes.flatMap((write) => (write.kind === "actor" && write.id !== undefined ? [[write.id, write.value] as const] : []));
}

function checkFoundedOffices(change: CharterChange, policy: PolicyData | null): Outcome<never> | undefined {
  if (change.jobType !== "registry.tenant.found" || change.params.entry === undefined || policy === null) return undefined;
  return checkOffices(Object.entries(change.params.entry.change.params.actors), policy);
}

/** Every office that is held after the change must be one that the policy knows. */
function checkOffices(actors: readonly (readonly [string, CharterActor])[], policy: PolicyData): Outcome<never> | undefined {
  for (const [id, { offices }] of actors)
    for (const { office_id } of offices)
      if (policy.offices[office_id] === undefined)
        return denyWith("charter_invalid", `${id} would hold ${office_id}, an office that the policy does not know.`);
  return undefined;
}
