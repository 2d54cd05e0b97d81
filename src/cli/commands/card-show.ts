import type { Command } from "commander";
import { required } from "../../client/problem.js";
import { registryLeaf } from "../leaf.js";
import { cardText } from "../text.js";

/** `ogr card show`. */
export function cardShow(): Command {
  return registryLeaf("show <card>", "show a card with its plan and what it waits for", async ({ arguments: [id = ""], out, client }) => {
    const card = required(await (await client()).card(id));
    out.print(card, cardText(card));
  });
}
