import type { Command } from "commander";
import { addExamples, buildRegistryCommand } from "../build-command.js";
import { reportCardEnd, reportCommandEnd } from "../outcome.js";
import { followCard, followCommand } from "../terminal/live.js";
import type { Output } from "../terminal/output.js";

/** `ogr card watch`: prints the card's states until its end, and exits with the exit code of that end. */
export function buildCardWatchCommand(): Command {
  const command = buildRegistryCommand("watch <card>", "follow a card to its end", async ({ arguments: [id = ""], out, openClient }) =>
    reportCardEnd(await followCard(await openClient(), id, out), withoutJson(out)),
  );
  return addExamples(command, "ogr card watch k-b06e3b3672441f6c4167", "ogr card watch k-b06e3b3672441f6c4167 --json | jq -r .status");
}

/** `ogr command watch`: prints the command's states until its end, and exits with the exit code of that end. */
export function buildCommandWatchCommand(): Command {
  const command = buildRegistryCommand("watch <jti>", "follow a command to its end", async ({ arguments: [jti = ""], out, openClient }) =>
    reportCommandEnd(await followCommand(await openClient(), jti, out), withoutJson(out)),
  );
  return addExamples(command, "ogr command watch 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10");
}

/** In JSON each state is printed as it comes, the last one included. */
function withoutJson(out: Output): Output {
  return out.json ? { ...out, print: () => undefined } : out;
}
