import type { Command } from "commander";
import type { CardAnswer } from "../../../client/answers.js";
import { listItems } from "../../../client/http/paging.js";
import { addExamples, buildRegistryCommand } from "../../build-command.js";
import { buildLimitOption, buildStatusOption } from "../../terminal/option-values.js";
import { type Column, printTable } from "../../terminal/table.js";
import { formatStatus } from "../../terminal/text.js";

interface ListOptions {
  readonly status?: string;
  readonly project?: string;
  readonly limit: number;
}

const COLUMNS: readonly Column<CardAnswer>[] = [
  { title: "card", format: (card) => card.card_id },
  { title: "status", format: (card) => formatStatus(card.status) },
  { title: "level", format: (card) => card.level ?? "—" },
  { title: "act", format: (card) => card.jobType },
  { title: "project", format: (card) => card.project_id },
  { title: "author", format: (card) => card.author.actor_id },
  { title: "intent", format: (card) => card.intent },
];

/** `ogr card list`. */
export function buildCardListCommand(): Command {
  const command = buildRegistryCommand<ListOptions>(
    "list",
    "list the cards of the tenant, newest first",
    async ({ options: { status, project, limit }, out, openClient }) => {
      const registry = await openClient();
      const query = { ...(status === undefined ? {} : { status }), ...(project === undefined ? {} : { project_id: project }) };
      const cards = await listItems((page) => registry.listCards({ ...query, ...page }), limit);
      printTable(out, cards, COLUMNS, "No cards.");
    },
  )
    .addOption(buildStatusOption())
    .option("--project <project>", "only those of this project")
    .addOption(buildLimitOption());
  return addExamples(command, "ogr card list --status awaiting_approval", "ogr card list --project P.demo --limit 500 --json");
}
