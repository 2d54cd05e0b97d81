import type { Command } from "commander";
import { requireValue } from "../../../client/http/problem.js";
import { addExamples, buildRegistryCommand } from "../../build-command.js";
import { formatCommand } from "../../terminal/text.js";

/** `ogr command show`. */
export function buildCommandShowCommand(): Command {
  const command = buildRegistryCommand(
    "show <jti>",
    "show a command and what became of it",
    async ({ arguments: [jti = ""], out, openClient }) => {
      const found = requireValue(await (await openClient()).readCommand(jti));
      out.print(found, formatCommand(found));
    },
  );
  return addExamples(command, "ogr command show 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10");
}
