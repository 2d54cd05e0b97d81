import type { Command } from "commander";
import { required } from "../../../client/http/problem.js";
import { registryLeaf, withExamples } from "../../leaf.js";
import { projectText } from "../../terminal/text.js";

/** `ogr project show`. */
export function projectShow(): Command {
  const command = registryLeaf(
    "show <project>",
    "show a project with its refs, releases and activity",
    async ({ arguments: [id = ""], out, client }) => {
      const project = required(await (await client()).project(id));
      out.print(project, projectText(project));
    },
  );
  return withExamples(command, "ogr project show P.demo", "ogr project show P.demo --json | jq '.refs[].name'");
}
