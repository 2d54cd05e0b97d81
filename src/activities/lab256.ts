import type { Lab256Activities } from "../domain/flow/lab256-steps.js";
import { answerActivities } from "../lab256/acts/answers.js";
import { attestationActivities } from "../lab256/acts/attestations.js";
import { cardActivities } from "../lab256/acts/cards.js";
import { commandActivities } from "../lab256/acts/commands.js";
import type { Lab256Dependencies } from "../lab256/acts/dependencies.js";
import { housekeepingActivities } from "../lab256/acts/housekeeping.js";
import { statementActivities } from "../lab256/acts/statements.js";
import { telemetryActivities } from "../lab256/telemetry/telemetry-steps.js";
import { webhookActivities } from "../lab256/webhooks/webhook-steps.js";

/** LAB 256's activities over its dependencies. */
export function createLab256Activities(deps: Lab256Dependencies): Lab256Activities {
  const activities: Lab256Activities = {
    ...cardActivities(deps),
    ...statementActivities(deps),
    ...attestationActivities(deps),
    ...commandActivities(deps),
    ...answerActivities(deps),
    ...housekeepingActivities(deps),
    ...webhookActivities(deps),
    ...telemetryActivities(deps),
  };
  return deps.onStep === undefined ? activities : observed(activities, deps.onStep);
}

/** Tells `onStep` before each activity begins, and after it has done its work and before its result is reported. */
function observed(activities: Lab256Activities, onStep: NonNullable<Lab256Dependencies["onStep"]>): Lab256Activities {
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
