import type { Command } from "commander";
import type { CommandItemAnswer } from "../../../client/answers.js";
import { listItems } from "../../../client/http/paging.js";
import { addExamples, buildRegistryCommand } from "../../build-command.js";
import { buildLimitOption, buildStatusOption } from "../../terminal/option-values.js";
import { type Column, printTable } from "../../terminal/table.js";
import { formatStatus, formatTime } from "../../terminal/text.js";

interface ListOptions {
  readonly status?: string;
  readonly project?: string;
  readonly limit: number;
}

const COLUMNS: readonly Column<CommandItemAnswer>[] = [
  { title: "command", format: (command) => command.jti },
  { title: "status", format: (command) => formatStatus(command.status) },
  { title: "act", format: (command) => command.jobType ?? "—" },
  { title: "project", format: (command) => command.project_id ?? "—" },
  { title: "actor", format: (command) => command.actor_id ?? "—" },
  { title: "issued", format: (command) => (command.issued_at === null ? "—" : formatTime(command.issued_at)) },
  { title: "why", format: (command) => command.denial?.code ?? "" },
];

/** `ogr command list`. */
export function buildCommandListCommand(): Command {
  const command = buildRegistryCommand<ListOptions>(
    "list",
    "list the commands of the tenant, newest first",
    async ({ options: { status, project, limit }, out, openClient }) => {
      const registry = await openClient();
      const query = { ...(status === undefined ? {} : { status }), ...(project === undefined ? {} : { project_id: project }) };
      const commands = await listItems((page) => registry.listCommands({ ...query, ...page }), limit);
      printTable(out, commands, COLUMNS, "No commands.");
    },
  )
    .addOption(buildStatusOption())
    .option("--project <project>", "only those of this project")
    .addOption(buildLimitOption());
  return addExamples(command, "ogr command list --status running", "ogr command list --project P.demo --json");
}
