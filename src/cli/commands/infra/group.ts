import type { Command } from "commander";
import { infraInit } from "../../host/infra-init.js";
import { group } from "../../leaf.js";
import { infraDisable, infraEnable, infraRegister, infraUnregister } from "./change.js";
import { infraCreatePr } from "./create-pr.js";
import { infraFinalize } from "./finalize.js";
import { infraMergePr } from "./merge-pr.js";
import { infraNewBranch } from "./new-branch.js";
import { infraDiff, infraHistory, infraList, infraResolve } from "./queries.js";
import { infraValidate } from "./validate.js";

/** `ogr infra`: the infra registry of a git checkout, from the first branch to the merge. Source: infra registry v2. */
export function infra(): Command {
  return group(
    "infra",
    "the infra registry of this checkout: who may run, where, and where telemetry goes",
    infraInit(),
    infraNewBranch(),
    infraRegister(),
    infraDisable(),
    infraEnable(),
    infraUnregister(),
    infraFinalize(),
    infraCreatePr(),
    infraMergePr(),
    infraValidate(),
    infraList(),
    infraResolve(),
    infraHistory(),
    infraDiff(),
  );
}
