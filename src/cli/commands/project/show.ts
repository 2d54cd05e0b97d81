import type { Command } from "commander";
import { requireValue } from "../../../client/http/problem.js";
import { addExamples, buildRegistryCommand } from "../../build-command.js";
import { formatProject } from "../../terminal/text.js";

/** `ogr project show`. */
export function buildProjectShowCommand(): Command {
  const command = buildRegistryCommand(
    "show <project>",
    "show a project with its refs, releases and activity",
    async ({ arguments: [id = ""], out, openClient }) => {
      const project = requireValue(await (await openClient()).readProject(id));
      out.print(project, formatProject(project));
    },
  );
  return addExamples(command, "ogr project show P.demo", "ogr project show P.demo --json | jq '.refs[].name'");
}
