import { cardPaths } from "./card-paths.js";
import { commandPaths } from "./command-paths.js";
import { finishingPaths } from "./finishing-paths.js";
import { infraPaths } from "./infra-paths.js";
import { mergePaths } from "./merge-paths.js";
import type { Path } from "./path.js";
import { telemetryPaths } from "./telemetry-paths.js";
import { webhookPaths } from "./webhook-paths.js";

/** Every path through the workflows. Each has a committed history that the current workflows must replay. */
export const paths: readonly Path[] = [
  ...cardPaths,
  ...commandPaths,
  ...finishingPaths,
  ...infraPaths,
  ...mergePaths,
  ...telemetryPaths,
  ...webhookPaths,
];
