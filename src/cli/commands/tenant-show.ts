import type { Command } from "commander";
import { requireValue } from "../../client/http/problem.js";
import { addExamples, buildRegistryCommand } from "../build-command.js";
import { formatTime } from "../terminal/text.js";

/** `ogr tenant show`: shows the token's tenant. */
export function buildTenantShowCommand(): Command {
  const command = buildRegistryCommand(
    "show",
    "show your tenant: its transport, its policy, the head of its ledger",
    async ({ out, openClient }) => {
      const tenant = requireValue(await (await openClient()).readTenant());
      const { tenant_id, transport, created_at, policy_hash, ledger } = tenant;
      out.print(
        tenant,
        [
          `${tenant_id}: since ${formatTime(created_at)}`,
          `  commands  reach its Runners over ${transport === "pull" ? "HTTP pull" : "Temporal"}`,
          `  policy    ${policy_hash ?? "none is published, so everything is denied"}`,
          `  ledger    ${ledger.container}, ${ledger.entries} entries, head ${ledger.head}`,
        ].join("\n"),
      );
    },
  );
  return addExamples(command, "ogr tenant show", "ogr tenant show --json | jq -r .policy_hash");
}
