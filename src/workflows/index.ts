export { housekeeping } from "./housekeeping.js";
export { officialAct } from "./official-act.js";
export { telemetry } from "./telemetry.js";
export { webhookDelivery } from "./webhook-delivery.js";
