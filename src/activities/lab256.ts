import type { Lab256Activities } from "../domain/flow/lab256-steps.js";
import { createAnswerActivities } from "../lab256/acts/answers.js";
import { createAttestationActivities } from "../lab256/acts/attestations.js";
import { createCardActivities } from "../lab256/acts/cards.js";
import { createCommandActivities } from "../lab256/acts/commands.js";
import type { Lab256Dependencies } from "../lab256/acts/dependencies.js";
import { createHousekeepingActivities } from "../lab256/acts/housekeeping.js";
import { createStatementActivities } from "../lab256/acts/statements.js";
import { createTelemetryActivities } from "../lab256/telemetry/telemetry-steps.js";
import { createWebhookActivities } from "../lab256/webhooks/webhook-steps.js";

/** LAB 256's activities over its dependencies. */
export function createLab256Activities(deps: Lab256Dependencies): Lab256Activities {
  const activities: Lab256Activities = {
    ...createCardActivities(deps),
    ...createStatementActivities(deps),
    ...createAttestationActivities(deps),
    ...createCommandActivities(deps),
    ...createAnswerActivities(deps),
    ...createHousekeepingActivities(deps),
    ...createWebhookActivities(deps),
    ...createTelemetryActivities(deps),
  };
  return deps.onStep === undefined ? activities : observeSteps(activities, deps.onStep);
}

/** Tells `onStep` before each activity begins, and after it has done its work and before its result is reported. */
function observeSteps(activities: Lab256Activities, onStep: NonNullable<Lab256Dependencies["onStep"]>): Lab256Activities {
  const entries = (Object.keys(activities) as (keyof Lab256Activities)[]).map((name) => [
    name,
    async (...args: unknown[]) => {
      await onStep(`before ${name}`);
      const result: unknown = await Reflect.apply(activities[name], activities, args);
      await onStep(`after ${name}`);
      return result;
    },
  ]);
  return Object.fromEntries(entries) as Lab256Activities;
}
