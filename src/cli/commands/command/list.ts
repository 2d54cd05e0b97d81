import type { Command } from "commander";
import type { CommandItemAnswer } from "../../../client/answers.js";
import { listed } from "../../../client/http/paging.js";
import { registryLeaf, withExamples } from "../../leaf.js";
import { limitOption, statusOption } from "../../terminal/option-values.js";
import { type Column, printTable } from "../../terminal/table.js";
import { statusText, when } from "../../terminal/text.js";

interface ListOptions {
  readonly status?: string;
  readonly project?: string;
  readonly limit: number;
}

const COLUMNS: readonly Column<CommandItemAnswer>[] = [
  { title: "command", of: (command) => command.jti },
  { title: "status", of: (command) => statusText(command.status) },
  { title: "act", of: (command) => command.jobType ?? "—" },
  { title: "project", of: (command) => command.project_id ?? "—" },
  { title: "actor", of: (command) => command.actor_id ?? "—" },
  { title: "issued", of: (command) => (command.issued_at === null ? "—" : when(command.issued_at)) },
  { title: "why", of: (command) => command.denial?.code ?? "" },
];

/** `ogr command list`. */
export function commandList(): Command {
  const command = registryLeaf<ListOptions>(
    "list",
    "list the commands of the tenant, the latest issued first",
    async ({ options: { status, project, limit }, out, client }) => {
      const registry = await client();
      const query = { ...(status === undefined ? {} : { status }), ...(project === undefined ? {} : { project_id: project }) };
      const commands = await listed((page) => registry.commands({ ...query, ...page }), limit);
      printTable(out, commands, COLUMNS, "There are no such commands.");
    },
  )
    .addOption(statusOption())
    .option("--project <project>", "those of one project")
    .addOption(limitOption());
  return withExamples(command, "ogr command list --status running", "ogr command list --project P.demo --json");
}
