/** The actor that appends telemetry for LAB 256. The policy knows it by this id (contracts "Infra registry v2"). */
export const TELEMETRY_ACTOR_ID = "ubl:sid:app:registry.telemetry";

/** Whether an actor is a service of the registry itself, which has no token and cannot be seeded. Its id is reserved in any letter case. */
export function isServiceActor(actorId: string): boolean {
  return actorId.toLowerCase() === TELEMETRY_ACTOR_ID;
}
