import type { Command } from "commander";
import { required } from "../../../client/http/problem.js";
import { EXIT } from "../../exit-codes.js";
import { registryLeaf, withExamples } from "../../leaf.js";
import { consent } from "../../terminal/consent.js";
import { printDryRun } from "../../terminal/dry-run.js";
import { dryRunOption, yesOption } from "../../terminal/option-values.js";
import { permitText } from "../../terminal/text.js";
import { Ended } from "../../usage.js";

interface RevokeOptions {
  readonly reason: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/** `ogr permit revoke`: either the act happens or its end does, never both. */
export function permitRevoke(): Command {
  const command = registryLeaf<RevokeOptions>(
    "revoke <jti>",
    "take an unused permit back",
    async ({ options, arguments: [jti = ""], out, client }) => {
      const registry = await client();
      const permit = required(await registry.permitState(jti));
      const { reason } = options;
      if (options.dryRun) {
        printDryRun(
          out,
          registry,
          { act: "permit.revoke", jti, status: permit.status, reason },
          `${permitText(permit)}\n  reason    ${reason}`,
        );
        if (permit.status === "used") throw new Ended(EXIT.conflict);
        return;
      }
      if (!out.json) out.remark(permitText(permit));
      await consent(out, "Take this permit back?", options);
      required(await registry.revokePermit(jti, reason));
      const after = required(await registry.permitState(jti));
      out.print(after, permitText(after));
    },
  )
    .requiredOption("--reason <sentence>", "why")
    .addOption(yesOption())
    .addOption(dryRunOption());
  return withExamples(command, 'ogr permit revoke 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10 --reason "The branch is no longer wanted."');
}
