/** As whom LAB 256 appends telemetry: a service of each tenant without a token, which the policy lets do this and nothing else. */
export const TELEMETRY_SERVICE = {
  actor_id: "ubl:sid:app:registry.telemetry",
  display_name: "Registry telemetry",
  office_id: "office:telemetry",
} as const;
