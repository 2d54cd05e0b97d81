import type { Command } from "commander";
import { requireValue } from "../../../client/http/problem.js";
import { archiveParamsSchema } from "../../../domain/act/job.js";
import { addExamples, buildRegistryCommand } from "../../build-command.js";
import { type CardOptions, proposeCard } from "../../card-outcome.js";
import { EXIT } from "../../exit-codes.js";
import { parseParams, printDryRun } from "../../terminal/dry-run.js";
import { buildDryRunOption, buildOfficeOption } from "../../terminal/option-values.js";
import { UnsuccessfulExit } from "../../usage.js";

interface ArchiveOptions extends CardOptions {
  readonly reason: string;
  readonly dryRun?: boolean;
}

/** `ogr project archive`: opens the card that makes a project read-only (L3). */
export function buildProjectArchiveCommand(): Command {
  const command = buildArchivingCommand(
    "archive",
    true,
    "open the card that makes a project read-only: nothing in it changes, all of it can be read",
  );
  return addExamples(
    command,
    'ogr project archive P.demo --reason "Replaced by P.next" --wait',
    "ogr project archive P.demo --reason done --dry-run",
  );
}

/** `ogr project unarchive`: opens the card that ends that (L3). */
export function buildProjectUnarchiveCommand(): Command {
  const command = buildArchivingCommand("unarchive", false, "open the card that lets an archived project change again");
  return addExamples(command, 'ogr project unarchive P.demo --reason "A fix is needed" --wait');
}

function buildArchivingCommand(name: string, archived: boolean, description: string): Command {
  return buildRegistryCommand<ArchiveOptions>(
    `${name} <project>`,
    description,
    async ({ options, arguments: [project_id = ""], out, openClient }) => {
      const registry = await openClient();
      const params = { project_id, archived, reason: options.reason };
      parseParams(archiveParamsSchema, params);
      const {
        office: office_id,
        intent = `${archived ? "Archive" : "Unarchive"} ${project_id}: ${options.reason}`,
        wait = false,
      } = options;
      const wanted = { office_id, intent, jobType: "git.registry.archive", params, target: "LAB_512" };
      if (!options.dryRun) return proposeCard(registry, wanted, wait, out);
      const is_done = requireValue(await registry.readProject(project_id)).archived === archived;
      const already = archived ? "archived already" : "not archived";
      const text = [
        `${archived ? "Archive" : "Unarchive"} ${project_id}${is_done ? `, which is ${already}` : ""}`,
        `  reason    ${options.reason}`,
        `  intent    ${intent}`,
      ];
      printDryRun(out, registry, { act: wanted.jobType, is_done, ...wanted }, text.join("\n"));
      if (is_done) throw new UnsuccessfulExit(EXIT.conflict);
    },
  )
    .requiredOption("--reason <text>", "why; it stays with the project")
    .addOption(buildOfficeOption())
    .option("--intent <sentence>", "what this is for; the reason when left out")
    .option("--wait", "wait until the card has come to its end")
    .addOption(buildDryRunOption());
}
