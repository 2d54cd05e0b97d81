import { requireValue } from "../../../client/http/problem.js";
import { RegistryCommand } from "../../cli-command.js";
import { EXIT } from "../../exit-codes.js";
import { UnsuccessfulExit } from "../../failure.js";
import { requireConsent } from "../../terminal/consent.js";
import { printDryRun } from "../../terminal/dry-run.js";
import { buildDryRunOption, buildYesOption } from "../../terminal/option-values.js";
import { formatPermit } from "../../terminal/text.js";

interface RevokeOptions {
  readonly reason: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/** `ogr permit revoke`: ends an unused permit. Either the act happens or the permit ends, never both. */
export function buildPermitRevokeCommand(): RegistryCommand {
  return new RegistryCommand<RevokeOptions>("revoke <jti>", "revoke an unused permit")
    .requiredOption("--reason <sentence>", "why")
    .addOption(buildYesOption())
    .addOption(buildDryRunOption())
    .addExamples('ogr permit revoke 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10 --reason "The branch is no longer wanted."')
    .run(async ({ options, arguments: [jti = ""], out, openClient }) => {
      const registry = await openClient();
      const permit = requireValue(await registry.readPermitState(jti));
      const { reason } = options;
      if (options.dryRun) {
        printDryRun(
          out,
          registry,
          { act: "permit.revoke", jti, status: permit.status, reason },
          `${formatPermit(permit)}\n  reason    ${reason}`,
        );
        if (permit.status === "used") throw new UnsuccessfulExit(EXIT.conflict);
        return;
      }
      if (!out.json) out.remark(formatPermit(permit));
      await requireConsent(out, "Revoke this permit?", options);
      requireValue(await registry.revokePermit(jti, reason));
      const after = requireValue(await registry.readPermitState(jti));
      out.print(after, formatPermit(after));
    });
}
