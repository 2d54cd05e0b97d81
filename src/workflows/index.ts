export { housekeeping } from "./housekeeping.js";
export { officialAct } from "./official-act.js";
export { webhookDelivery } from "./webhook-delivery.js";
