import type { Command } from "commander";
import { required } from "../../../client/http/problem.js";
import { registryLeaf, withExamples } from "../../leaf.js";
import { commandText } from "../../terminal/text.js";

/** `ogr command show`. */
export function commandShow(): Command {
  const command = registryLeaf("show <jti>", "show a command and what became of it", async ({ arguments: [jti = ""], out, client }) => {
    const found = required(await (await client()).command(jti));
    out.print(found, commandText(found));
  });
  return withExamples(command, "ogr command show 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10");
}
