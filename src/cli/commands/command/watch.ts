import type { Command } from "commander";
import { commandConcluded } from "../../command-outcome.js";
import { registryLeaf, withExamples } from "../../leaf.js";
import { liveCommand } from "../../terminal/live.js";

/** `ogr command watch`: its states until its end, whose exit code it ends with. */
export function commandWatch(): Command {
  const command = registryLeaf("watch <jti>", "follow a command until its end", async ({ arguments: [jti = ""], out, client }) => {
    const last = await liveCommand(await client(), jti, out);
    if (out.json) return commandConcluded(last, { ...out, print: () => undefined });
    commandConcluded(last, out);
  });
  return withExamples(command, "ogr command watch 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10");
}
