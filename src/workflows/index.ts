export { charterEntry } from "./charter-entry.js";
export { finishAct } from "./finish-act.js";
export { housekeeping } from "./housekeeping.js";
export { officialAct } from "./official-act.js";
export { planPreview } from "./plan-preview.js";
export { telemetry } from "./telemetry.js";
export { webhookDelivery } from "./webhook-delivery.js";
