import type { Command } from "commander";
import { concluded } from "../../card-outcome.js";
import { registryLeaf, withExamples } from "../../leaf.js";
import { liveCard } from "../../terminal/live.js";

/** `ogr card watch`: its states until its end, whose exit code it ends with. */
export function cardWatch(): Command {
  const command = registryLeaf("watch <card>", "follow a card until its end", async ({ arguments: [id = ""], out, client }) => {
    const last = await liveCard(await client(), id, out);
    // Each state was a value already, the last one too.
    if (out.json) return concluded(last, { ...out, print: () => undefined });
    concluded(last, out);
  });
  return withExamples(command, "ogr card watch k-b06e3b3672441f6c4167", "ogr card watch k-b06e3b3672441f6c4167 --json | jq -r .status");
}
