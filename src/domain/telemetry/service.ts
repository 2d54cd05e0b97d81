import { TELEMETRY_ACTOR_ID } from "../service-actor.js";

/** As whom LAB 256 appends telemetry: a service of each tenant without a token, which the policy lets do this and nothing else. */
export const TELEMETRY_SERVICE = {
  actor_id: TELEMETRY_ACTOR_ID,
  display_name: "Registry telemetry",
  office_id: "office:telemetry",
} as const;
