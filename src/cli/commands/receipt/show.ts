import type { Command } from "commander";
import { requireValue } from "../../../client/http/problem.js";
import { addExamples, buildRegistryCommand } from "../../build-command.js";
import { formatReceipt } from "../../terminal/text.js";

/** `ogr receipt show`: with `--json` what can be kept and verified later. */
export function buildReceiptShowCommand(): Command {
  const command = buildRegistryCommand(
    "show <jti>",
    "show the receipt of a permit's command",
    async ({ arguments: [jti = ""], out, openClient }) => {
      const receipt = requireValue(await (await openClient()).readReceipt(jti));
      out.print(receipt, formatReceipt(receipt));
    },
  );
  return addExamples(command, "ogr receipt show 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10 --json > receipt.json");
}
