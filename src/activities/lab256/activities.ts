import { answerActivities } from "./answers.js";
import { attestationActivities } from "./attestations.js";
import { cardActivities } from "./cards.js";
import { commandActivities } from "./commands.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { housekeepingActivities } from "./housekeeping.js";
import { statementActivities } from "./statements.js";
import { telemetryActivities } from "./telemetry.js";
import type { Lab256Activities } from "./types.js";
import { webhookActivities } from "./webhooks.js";

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
