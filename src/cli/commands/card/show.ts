import type { Command } from "commander";
import { requireValue } from "../../../client/http/problem.js";
import { addExamples, buildRegistryCommand } from "../../build-command.js";
import { formatCard } from "../../terminal/text.js";

/** `ogr card show`. */
export function buildCardShowCommand(): Command {
  const command = buildRegistryCommand(
    "show <card>",
    "show a card with its plan and what it waits for",
    async ({ arguments: [id = ""], out, openClient }) => {
      const card = requireValue(await (await openClient()).readCard(id));
      out.print(card, formatCard(card));
    },
  );
  return addExamples(command, "ogr card show k-b06e3b3672441f6c4167", "ogr card show k-b06e3b3672441f6c4167 --json | jq .plan");
}
