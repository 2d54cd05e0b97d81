import type { Command } from "commander";
import { buildCommandGroup } from "../../cli-command.js";
import { buildInfraDisableCommand, buildInfraEnableCommand, buildInfraRegisterCommand, buildInfraUnregisterCommand } from "./change.js";
import { buildInfraCreatePrCommand } from "./create-pr.js";
import { buildInfraFinalizeCommand } from "./finalize.js";
import { buildInfraInitCommand } from "./init.js";
import { buildInfraMergePrCommand } from "./merge-pr.js";
import { buildInfraNewBranchCommand } from "./new-branch.js";
import { buildInfraDiffCommand, buildInfraHistoryCommand, buildInfraListCommand, buildInfraResolveCommand } from "./queries.js";
import { buildInfraValidateCommand } from "./validate.js";

/** `ogr infra`: manages the infra registry of a git checkout. Source: infra registry v2. */
export function buildInfraCommand(): Command {
  return buildCommandGroup(
    "infra",
    "the infra registry of this checkout: which repositories may run, where, and their telemetry",
    buildInfraInitCommand(),
    buildInfraNewBranchCommand(),
    buildInfraRegisterCommand(),
    buildInfraDisableCommand(),
    buildInfraEnableCommand(),
    buildInfraUnregisterCommand(),
    buildInfraFinalizeCommand(),
    buildInfraCreatePrCommand(),
    buildInfraMergePrCommand(),
    buildInfraValidateCommand(),
    buildInfraListCommand(),
    buildInfraResolveCommand(),
    buildInfraHistoryCommand(),
    buildInfraDiffCommand(),
  );
}
