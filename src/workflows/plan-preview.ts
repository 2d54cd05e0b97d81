import { ActivityFailure, TimeoutFailure } from "@temporalio/common";
import type { ProposedAct } from "../domain/card/card.js";
import { denyWith, type Outcome } from "../domain/denial.js";
import type { PlannedAct } from "../domain/flow/lab512-steps.js";
import { previewer } from "./activities.js";

/** Plans an act as a card's act is planned. Records, decides and runs nothing. */
export async function planPreview(act: ProposedAct): Promise<Outcome<PlannedAct>> {
  try {
    return await previewer.planAct(act);
  } catch (error) {
    if (!(error instanceof ActivityFailure) || !(error.cause instanceof TimeoutFailure)) throw error;
    return denyWith(
      "run_time_exceeded",
      "No Runner has planned the act in time; see that one serves LAB_512, or open a card, which waits.",
    );
  }
}
