import { RegistryCommand } from "../cli-command.js";
import { reportCardEnd, reportCommandEnd } from "../outcome.js";
import { followCard, followCommand } from "../terminal/live.js";
import type { Output } from "../terminal/output.js";

/** `ogr card watch`: prints the card's states until its end, and exits with the exit code of that end. */
export function buildCardWatchCommand(): RegistryCommand {
  return new RegistryCommand("watch <card>", "follow a card to its end")
    .addExamples("ogr card watch k-b06e3b3672441f6c4167", "ogr card watch k-b06e3b3672441f6c4167 --json | jq -r .status")
    .run(async ({ arguments: [id = ""], out, openClient }) => reportCardEnd(await followCard(await openClient(), id, out), omitJson(out)));
}

/** `ogr command watch`: prints the command's states until its end, and exits with the exit code of that end. */
export function buildCommandWatchCommand(): RegistryCommand {
  return new RegistryCommand("watch <jti>", "follow a command to its end")
    .addExamples("ogr command watch 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10")
    .run(async ({ arguments: [jti = ""], out, openClient }) =>
      reportCommandEnd(await followCommand(await openClient(), jti, out), omitJson(out)),
    );
}

/** In JSON each state is printed as it comes, the last one included. */
function omitJson(out: Output): Output {
  return out.json ? { ...out, print: () => undefined } : out;
}
