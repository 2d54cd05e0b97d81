import type { CharterActor } from "../../domain/charter/records.js";
import type { CharterState } from "../../domain/charter/state.js";
import { parseActorKind } from "../../domain/ids.js";
import { isLevelAtLeast, LEVELS, type Level } from "../../domain/level.js";
import type { DecidingPolicy } from "../policy/passkey-filter.js";

/** An office that an actor holds. */
export type Membership = CharterActor["offices"][number];

export function maxLevel(levels: readonly Level[]): Level {
  return levels.reduce((highest, level) => (isLevelAtLeast(level, highest) ? level : highest), LEVELS[0]);
}

export function isAtLeast(known: Level | undefined, level: Level): boolean {
  return known !== undefined && isLevelAtLeast(known, level);
}

/** An office in which a person can approve, and the levels at which. */
interface DecidingOffice {
  readonly person_id: string;
  readonly levels: readonly Level[];
  readonly roles: readonly string[];
}

type CountOffice = (membership: Membership) => boolean;

/**
 * The highest level at which each person can approve by the policy: in an office that approves, up to its ceiling, and above L3 with a
 * passkey that counts to it and that the policy accepts. Regards the offices that `counted` accepts, also those that end, so that by default the
 * level is never too low.
 */
export function mapDeciders(
  state: Pick<CharterState, "find" | "list">,
  policy: DecidingPolicy,
  counted: CountOffice = () => true,
): ReadonlyMap<string, Level> {
  const deciders = new Map<string, Level>();
  for (const { person_id, levels } of listDecidingOffices(state, policy, counted))
    deciders.set(person_id, maxLevel([deciders.get(person_id) ?? LEVELS[0], ...levels]));
  return deciders;
}

/** The roles of each person who can approve at a level, in the offices in which that person can. */
export function mapRolesOfDeciders(
  state: Pick<CharterState, "find" | "list">,
  policy: DecidingPolicy,
  wanted: Level,
  counted: CountOffice,
): ReadonlyMap<string, readonly string[]> {
  const byPerson = new Map<string, readonly string[]>();
  for (const { person_id, levels, roles } of listDecidingOffices(state, policy, counted))
    if (levels.includes(wanted)) byPerson.set(person_id, [...(byPerson.get(person_id) ?? []), ...roles]);
  return byPerson;
}

function* listDecidingOffices(
  state: Pick<CharterState, "find" | "list">,
  policy: DecidingPolicy,
  counted: CountOffice,
): Generator<DecidingOffice> {
  for (const [actorId, actor] of state.list("actor")) {
    const { person_id } = actor;
    const person = state.find("person", person_id);
    if (actor.disabled || person === undefined || person.disabled || parseActorKind(actorId) !== "person") continue;
    const passkeys = person.passkeys.filter((one) => counts(state, one.relying_party));
    const canDecideAt = (level: Level) =>
      !isLevelAtLeast(level, "L4") || passkeys.some((one) => isLevelAtLeast(one.counts_to, level) && policy.acceptsPasskey(one, level));
    const decided = LEVELS.filter(canDecideAt);
    for (const membership of actor.offices) {
      const office = policy.data.offices[membership.office_id];
      if (office === undefined || !office.allowed_actions.includes("card.approve") || !counted(membership)) continue;
      yield { person_id, levels: decided.filter((level) => isLevelAtLeast(office.risk_ceiling, level)), roles: membership.roles };
    }
  }
}

function counts(state: Pick<CharterState, "find">, relyingParty: string): boolean {
  return state.find("relying_party", relyingParty)?.use === "approve";
}
