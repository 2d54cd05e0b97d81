import type { Command } from "commander";
import { Option } from "commander";
import { Refused } from "../../../client/http/problem.js";
import type { RegistryClient } from "../../../client/http/registry-client.js";
import { initParamsSchema, VISIBILITIES } from "../../../domain/act/job.js";
import { addExamples, buildRegistryCommand } from "../../build-command.js";
import { type CardOptions, proposeCard } from "../../card-outcome.js";
import { EXIT } from "../../exit-codes.js";
import { parseParams, printDryRun } from "../../terminal/dry-run.js";
import { addCardOptions } from "../../terminal/option-values.js";
import { UnsuccessfulExit } from "../../usage.js";

interface RegisterOptions extends CardOptions {
  readonly name?: string;
  readonly owner?: string[];
  readonly visibility: string;
  readonly dryRun?: boolean;
}

/** `ogr project register`: opens the card for a new project (L3). */
export function buildProjectRegisterCommand(): Command {
  const command = buildRegistryCommand<RegisterOptions>(
    "register <project>",
    "open the card that registers a project",
    async ({ options, arguments: [project_id = ""], out, openClient }) => {
      const registry = await openClient();
      const params = {
        project_id,
        name: options.name ?? project_id.replace(/^P\./, ""),
        owners: options.owner ?? [registry.actor_id],
        visibility: options.visibility,
      };
      const { office: office_id, intent = `Register ${project_id}`, wait = false } = options;
      const wanted = { office_id, intent, jobType: "git.registry.init", params, target: "LAB_512" };
      if (!options.dryRun) return proposeCard(registry, wanted, wait, out);
      parseParams(initParamsSchema, params);
      const is_taken = await isTaken(registry, project_id);
      const text = [
        `Register ${project_id}${is_taken ? ", which is there already" : ""}`,
        `  name      ${params.name}`,
        `  owners    ${params.owners.join(", ")}`,
        `  seen by   ${params.visibility}`,
        `  intent    ${intent}`,
      ];
      printDryRun(out, registry, { act: wanted.jobType, is_taken, ...wanted }, text.join("\n"));
      if (is_taken) throw new UnsuccessfulExit(EXIT.conflict);
    },
  )
    .option("--name <name>", "what people call it")
    .option("--owner <id...>", "actors or offices; you, when left out")
    .addOption(new Option("--visibility <visibility>", "who sees it").choices(VISIBILITIES).default("internal"));
  return addExamples(
    addCardOptions(command),
    "ogr project register P.demo --name Demo --wait",
    "ogr project register P.secret --visibility private --owner office:security --dry-run",
  );
}

/** Whether a project of this id can be seen; one that cannot be seen is refused when it is planned. */
async function isTaken(registry: RegistryClient, projectId: string): Promise<boolean> {
  const found = await registry.readProject(projectId);
  if (found.ok) return true;
  if (found.problem.code === "not_found") return false;
  throw new Refused(found.problem);
}
