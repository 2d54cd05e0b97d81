import type { ProposedAct } from "../domain/card/card.js";
import type { Outcome } from "../domain/denial.js";
import type { PlannedAct } from "../domain/flow/lab512-steps.js";
import { planInTime, previewer } from "./activities.js";

/** Plans an act as a card's act is planned. Records, decides and runs nothing. */
export function planPreview(act: ProposedAct): Promise<Outcome<PlannedAct>> {
  return planInTime(previewer, act, "Try again, or open a card, which waits.");
}
