import type { Command } from "commander";
import { required } from "../../../client/http/problem.js";
import { registryLeaf, withExamples } from "../../leaf.js";
import { cardText } from "../../terminal/text.js";

/** `ogr card show`. */
export function cardShow(): Command {
  const command = registryLeaf(
    "show <card>",
    "show a card with its plan and what it waits for",
    async ({ arguments: [id = ""], out, client }) => {
      const card = required(await (await client()).card(id));
      out.print(card, cardText(card));
    },
  );
  return withExamples(command, "ogr card show k-b06e3b3672441f6c4167", "ogr card show k-b06e3b3672441f6c4167 --json | jq .plan");
}
