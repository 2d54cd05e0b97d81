import type { Command } from "commander";
import { required } from "../../client/problem.js";
import { registryLeaf } from "../leaf.js";
import { receiptText } from "../text.js";

/** `ogr receipt show`: with `--json` what can be kept and verified later. */
export function receiptShow(): Command {
  return registryLeaf("show <jti>", "show the receipt of a permit's command", async ({ arguments: [jti = ""], out, client }) => {
    const receipt = required(await (await client()).receipt(jti));
    out.print(receipt, receiptText(receipt));
  });
}
