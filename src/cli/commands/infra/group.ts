import type { Command } from "commander";
import { buildCommandGroup } from "../../build-command.js";
import { buildInfraDisableCommand, buildInfraEnableCommand, buildInfraRegisterCommand, buildInfraUnregisterCommand } from "./change.js";
import { buildInfraCreatePrCommand } from "./create-pr.js";
import { buildInfraFinalizeCommand } from "./finalize.js";
import { buildInfraInitCommand } from "./init.js";
import { buildInfraMergePrCommand } from "./merge-pr.js";
import { buildInfraNewBranchCommand } from "./new-branch.js";
import { buildInfraDiffCommand, buildInfraHistoryCommand, buildInfraListCommand, buildInfraResolveCommand } from "./queries.js";
import { buildInfraValidateCommand } from "./validate.js";

/** `ogr infra`: the infra registry of a git checkout, from the first branch to the merge. Source: infra registry v2. */
export function buildInfraCommand(): Command {
  return buildCommandGroup(
    "infra",
    "the infra registry of this checkout: who may run, where, and where telemetry goes",
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
