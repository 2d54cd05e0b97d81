/** The actor that appends telemetry for LAB 256. The policy recognises it by this id (contracts "Infra registry v2"). */
export const TELEMETRY_ACTOR_ID = "ubl:sid:app:registry.telemetry";

/**
 * Returns whether an actor is one of the registry's own services, which have no token and cannot be seeded. Their ids are reserved in any
 * letter case.
 */
export function isServiceActor(actorId: string): boolean {
  return actorId.toLowerCase() === TELEMETRY_ACTOR_ID;
}
