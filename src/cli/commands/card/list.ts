import type { Command } from "commander";
import type { CardAnswer } from "../../../client/answers.js";
import { listed } from "../../../client/http/paging.js";
import { registryLeaf, withExamples } from "../../leaf.js";
import { limitOption, statusOption } from "../../terminal/option-values.js";
import { type Column, printTable } from "../../terminal/table.js";
import { statusText } from "../../terminal/text.js";

interface ListOptions {
  readonly status?: string;
  readonly project?: string;
  readonly limit: number;
}

const COLUMNS: readonly Column<CardAnswer>[] = [
  { title: "card", of: (card) => card.card_id },
  { title: "status", of: (card) => statusText(card.status) },
  { title: "level", of: (card) => card.level ?? "—" },
  { title: "act", of: (card) => card.jobType },
  { title: "project", of: (card) => card.project_id },
  { title: "author", of: (card) => card.author.actor_id },
  { title: "intent", of: (card) => card.intent },
];

/** `ogr card list`. */
export function cardList(): Command {
  const command = registryLeaf<ListOptions>(
    "list",
    "list the cards of the tenant, newest first",
    async ({ options: { status, project, limit }, out, client }) => {
      const registry = await client();
      const query = { ...(status === undefined ? {} : { status }), ...(project === undefined ? {} : { project_id: project }) };
      const cards = await listed((page) => registry.cards({ ...query, ...page }), limit);
      printTable(out, cards, COLUMNS, "There are no such cards.");
    },
  )
    .addOption(statusOption())
    .option("--project <project>", "those of one project")
    .addOption(limitOption());
  return withExamples(command, "ogr card list --status awaiting_approval", "ogr card list --project P.demo --limit 500 --json");
}
