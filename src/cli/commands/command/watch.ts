import type { Command } from "commander";
import { addExamples, buildRegistryCommand } from "../../build-command.js";
import { reportCommandEnd } from "../../command-outcome.js";
import { followCommand } from "../../terminal/live.js";

/** `ogr command watch`: its states until its end, whose exit code it ends with. */
export function buildCommandWatchCommand(): Command {
  const command = buildRegistryCommand(
    "watch <jti>",
    "follow a command until its end",
    async ({ arguments: [jti = ""], out, openClient }) => {
      const last = await followCommand(await openClient(), jti, out);
      if (out.json) return reportCommandEnd(last, { ...out, print: () => undefined });
      reportCommandEnd(last, out);
    },
  );
  return addExamples(command, "ogr command watch 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10");
}
