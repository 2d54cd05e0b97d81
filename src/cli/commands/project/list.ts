import type { Command } from "commander";
import type { ProjectAnswer } from "../../../client/answers.js";
import { listItems } from "../../../client/http/paging.js";
import { addExamples, buildRegistryCommand } from "../../build-command.js";
import { buildLimitOption } from "../../terminal/option-values.js";
import { type Column, printTable } from "../../terminal/table.js";
import { formatTime } from "../../terminal/text.js";

interface ListOptions {
  readonly limit: number;
  readonly after?: string;
}

const COLUMNS: readonly Column<ProjectAnswer>[] = [
  { title: "project", format: (project) => project.id },
  { title: "visibility", format: (project) => project.visibility },
  { title: "last activity", format: (project) => formatTime(project.last_activity) },
  { title: "owners", format: (project) => project.owners.join(", ") },
  { title: "name", format: (project) => project.name },
];

/** `ogr project list`. */
export function buildProjectListCommand(): Command {
  const command = buildRegistryCommand<ListOptions>(
    "list",
    "list the projects of the tenant, newest first",
    async ({ options: { limit, after }, out, openClient }) => {
      const registry = await openClient();
      printTable(out, await listItems((page) => registry.listProjects(page), limit, after), COLUMNS, "No projects.");
    },
  )
    .addOption(buildLimitOption())
    .option("--after <cursor>", "start after this cursor of the API");
  return addExamples(command, "ogr project list", "ogr project list --limit 500 --json");
}
