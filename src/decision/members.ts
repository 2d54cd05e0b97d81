import { type ActorKind, parseActorKind } from "../domain/ids.js";
import { isServiceActor } from "../domain/service-actor.js";
import { TELEMETRY_SERVICE } from "../domain/telemetry/service.js";
import type { NewestCharter } from "./charter/newest-charter.js";

interface HeldOffice {
  readonly office_id: string;
  readonly roles: readonly string[];
}

/** An actor who may act now. */
export interface Member {
  readonly actor_id: string;
  readonly kind: ActorKind;
  /** The person whose account it is, or who is responsible for the agent or app; null only for the registry's own services. */
  readonly person_id: string | null;
  readonly offices: readonly HeldOffice[];
}

/**
 * Finds an actor by its charter, with the offices that it holds at `atMs`. Returns undefined if the actor is unknown, or if it or its person
 * is disabled. The registry's own services are in no charter.
 */
export function findMember(charter: Pick<NewestCharter, "find">, actorId: string, atMs: number): Member | undefined {
  const kind = parseActorKind(actorId);
  if (isServiceActor(actorId)) {
    const { actor_id, office_id } = TELEMETRY_SERVICE;
    return actorId === actor_id ? { actor_id, kind, person_id: null, offices: [{ office_id, roles: [] }] } : undefined;
  }
  const actor = charter.find("actor", actorId);
  if (actor === undefined || actor.disabled) return undefined;
  const { person_id } = actor;
  const person = charter.find("person", person_id);
  if (person === undefined || person.disabled) return undefined;
  const offices = actor.offices.filter(({ until }) => until === undefined || atMs < until);
  return { actor_id: actorId, kind, person_id, offices: offices.map(({ office_id, roles }) => ({ office_id, roles })) };
}
