import type { Command } from "commander";
import type { ProjectAnswer } from "../../../client/answers.js";
import { listed } from "../../../client/http/paging.js";
import { registryLeaf, withExamples } from "../../leaf.js";
import { limitOption } from "../../terminal/option-values.js";
import { type Column, printTable } from "../../terminal/table.js";
import { when } from "../../terminal/text.js";

interface ListOptions {
  readonly limit: number;
  readonly after?: string;
}

const COLUMNS: readonly Column<ProjectAnswer>[] = [
  { title: "project", of: (project) => project.id },
  { title: "visibility", of: (project) => project.visibility },
  { title: "last activity", of: (project) => when(project.last_activity) },
  { title: "owners", of: (project) => project.owners.join(", ") },
  { title: "name", of: (project) => project.name },
];

/** `ogr project list`. */
export function projectList(): Command {
  const command = registryLeaf<ListOptions>(
    "list",
    "list the projects of the tenant, the latest registered first",
    async ({ options: { limit, after }, out, client }) => {
      const registry = await client();
      printTable(out, await listed((page) => registry.projects(page), limit, after), COLUMNS, "There are no projects yet.");
    },
  )
    .addOption(limitOption())
    .option("--after <cursor>", "go on after this cursor of the API");
  return withExamples(command, "ogr project list", "ogr project list --limit 500 --json");
}
