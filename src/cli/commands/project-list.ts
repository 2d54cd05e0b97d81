import type { Command } from "commander";
import { required } from "../../client/problem.js";
import { registryLeaf } from "../leaf.js";
import { projectLine } from "../text.js";

interface ListOptions {
  readonly limit?: number;
  readonly after?: string;
}

/** `ogr project list`. */
export function projectList(): Command {
  return registryLeaf<ListOptions>("list", "list the projects of the tenant", async ({ options: { limit, after }, out, client }) => {
    const projects = required(
      await (await client()).projects({ ...(limit === undefined ? {} : { limit }), ...(after === undefined ? {} : { after }) }),
    );
    out.print(projects, projects.map(projectLine).join("\n"));
  })
    .option("--limit <count>", "at most this many", Number)
    .option("--after <project>", "go on after this one");
}
