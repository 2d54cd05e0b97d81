import type { Command } from "commander";
import { addExamples, buildRegistryCommand } from "../../build-command.js";
import { reportCardEnd } from "../../card-outcome.js";
import { followCard } from "../../terminal/live.js";

/** `ogr card watch`: its states until its end, whose exit code it ends with. */
export function buildCardWatchCommand(): Command {
  const command = buildRegistryCommand("watch <card>", "follow a card until its end", async ({ arguments: [id = ""], out, openClient }) => {
    const last = await followCard(await openClient(), id, out);
    // Each state was a value already, the last one too.
    if (out.json) return reportCardEnd(last, { ...out, print: () => undefined });
    reportCardEnd(last, out);
  });
  return addExamples(command, "ogr card watch k-b06e3b3672441f6c4167", "ogr card watch k-b06e3b3672441f6c4167 --json | jq -r .status");
}
