import type { Command } from "commander";
import { required } from "../../../client/http/problem.js";
import { registryLeaf, withExamples } from "../../leaf.js";
import { receiptText } from "../../terminal/text.js";

/** `ogr receipt show`: with `--json` what can be kept and verified later. */
export function receiptShow(): Command {
  const command = registryLeaf("show <jti>", "show the receipt of a permit's command", async ({ arguments: [jti = ""], out, client }) => {
    const receipt = required(await (await client()).receipt(jti));
    out.print(receipt, receiptText(receipt));
  });
  return withExamples(command, "ogr receipt show 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10 --json > receipt.json");
}
