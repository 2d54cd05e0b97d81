import type { Command } from "commander";
import { required } from "../../../client/http/problem.js";
import { registryLeaf, withExamples } from "../../leaf.js";
import { permitText } from "../../terminal/text.js";

/** `ogr permit show`. */
export function permitShow(): Command {
  const command = registryLeaf(
    "show <jti>",
    "show a permit and whether it can still be used",
    async ({ arguments: [jti = ""], out, client }) => {
      const permit = required(await (await client()).permitState(jti));
      out.print(permit, permitText(permit));
    },
  );
  return withExamples(command, "ogr permit show 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10");
}
