import type { Command } from "commander";
import { requireValue } from "../../../client/http/problem.js";
import { addExamples, buildRegistryCommand } from "../../build-command.js";
import { formatPermit } from "../../terminal/text.js";

/** `ogr permit show`. */
export function buildPermitShowCommand(): Command {
  const command = buildRegistryCommand(
    "show <jti>",
    "show a permit and whether it can still be used",
    async ({ arguments: [jti = ""], out, openClient }) => {
      const permit = requireValue(await (await openClient()).readPermitState(jti));
      out.print(permit, formatPermit(permit));
    },
  );
  return addExamples(command, "ogr permit show 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10");
}
