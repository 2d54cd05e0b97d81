import type { Command } from "commander";
import { required } from "../../client/http/problem.js";
import { registryLeaf, withExamples } from "../leaf.js";
import { when } from "../terminal/text.js";

/** `ogr tenant show`: the tenant of the token. */
export function tenantShow(): Command {
  const command = registryLeaf("show", "show your tenant: its transport, its policy, where its ledger stands", async ({ out, client }) => {
    const tenant = required(await (await client()).tenant());
    const { tenant_id, transport, created_at, policy_hash, ledger } = tenant;
    out.print(
      tenant,
      [
        `${tenant_id}: since ${when(created_at)}`,
        `  commands  reach its Runners over ${transport === "pull" ? "HTTP pull" : "Temporal"}`,
        `  policy    ${policy_hash ?? "none is published: everything is denied"}`,
        `  ledger    ${ledger.container}, ${ledger.entries} entries, head ${ledger.head}`,
      ].join("\n"),
    );
  });
  return withExamples(command, "ogr tenant show", "ogr tenant show --json | jq -r .policy_hash");
}
