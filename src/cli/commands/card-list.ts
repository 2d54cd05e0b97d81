import type { Command } from "commander";
import { required } from "../../client/problem.js";
import { registryLeaf } from "../leaf.js";
import { cardLine } from "../text.js";

interface ListOptions {
  readonly status?: string;
  readonly project?: string;
  readonly limit?: number;
}

/** `ogr card list`. */
export function cardList(): Command {
  return registryLeaf<ListOptions>(
    "list",
    "list the cards of the tenant, newest first",
    async ({ options: { status, project, limit }, out, client }) => {
      const query = {
        ...(status === undefined ? {} : { status }),
        ...(project === undefined ? {} : { project_id: project }),
        ...(limit === undefined ? {} : { limit }),
      };
      const cards = required(await (await client()).cards(query));
      out.print(cards, cards.map(cardLine).join("\n"));
    },
  )
    .option("--status <status>", "awaiting_approval, success, …")
    .option("--project <project>", "those of one project")
    .option("--limit <count>", "at most this many", Number);
}
