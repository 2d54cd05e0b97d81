export { housekeeping } from "./housekeeping.js";
export { officialAct } from "./official-act.js";
