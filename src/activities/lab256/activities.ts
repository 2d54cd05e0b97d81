import { answerActivities } from "./answers.js";
import { attestationActivities } from "./attestations.js";
import { cardActivities } from "./cards.js";
import { commandActivities } from "./commands.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { housekeepingActivities } from "./housekeeping.js";
import { statementActivities } from "./statements.js";
import type { Lab256Activities } from "./types.js";

/** LAB 256's activities over its dependencies. */
export function createLab256Activities(deps: Lab256Dependencies): Lab256Activities {
  const activities: Lab256Activities = {
    ...cardActivities(deps),
    ...statementActivities(deps),
    ...attestationActivities(deps),
    ...commandActivities(deps),
    ...answerActivities(deps),
    ...housekeepingActivities(deps),
  };
  return deps.onStep === undefined ? activities : observed(activities, deps.onStep);
}

/** Tells `onStep` after each activity has done its work and before its result is reported. */
function observed(activities: Lab256Activities, onStep: (name: string) => void): Lab256Activities {
  const entries = Object.entries(activities).map(([name, run]) => [
    name,
    async (...args: unknown[]) => {
      const result: unknown = await Reflect.apply(run, activities, args);
      onStep(name);
      return result;
    },
  ]);
  return Object.fromEntries(entries) as Lab256Activities;
}
