/** As whom LAB 256 appends telemetry. The policy knows it by this id (contracts "Infra registry v2"). */
export const TELEMETRY_ACTOR_ID = "ubl:sid:app:registry.telemetry";

/** Whether an actor is a service of the registry itself, which nobody seeds and which has no token. In no case of letters is it free. */
export function isServiceActor(actorId: string): boolean {
  return actorId.toLowerCase() === TELEMETRY_ACTOR_ID;
}
