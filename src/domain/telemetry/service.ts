import { TELEMETRY_ACTOR_ID } from "../service-actor.js";

/** The service that appends telemetry in each tenant. It has no token, and the policy allows it nothing else. */
export const TELEMETRY_SERVICE = {
  actor_id: TELEMETRY_ACTOR_ID,
  display_name: "Registry telemetry",
  office_id: "office:telemetry",
} as const;
