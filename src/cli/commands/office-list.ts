import type { Command } from "commander";
import { listed } from "../../client/http/paging.js";
import { registryLeaf, withExamples } from "../leaf.js";
import { limitOption } from "../terminal/option-values.js";
import { printTable } from "../terminal/table.js";

interface ListOptions {
  readonly limit: number;
}

/** `ogr office list`: what the active policy lets each office do. */
export function officeList(): Command {
  const command = registryLeaf<ListOptions>(
    "list",
    "list the offices of the tenant and what its policy lets them do",
    async ({ options: { limit }, out, client }) => {
      const registry = await client();
      const offices = await listed((page) => registry.offices(page), limit);
      printTable(
        out,
        offices,
        [
          { title: "office", of: (office) => office.office_id },
          { title: "holders", of: (office) => String(office.holders) },
          { title: "up to", of: (office) => office.policy?.risk_ceiling ?? "—" },
          { title: "targets", of: (office) => office.policy?.targets.join(", ") ?? "—" },
          { title: "may", of: (office) => office.policy?.allowed_actions.join(", ") ?? "nothing: the policy does not know it" },
        ],
        "There are no offices.",
      );
    },
  ).addOption(limitOption());
  return withExamples(command, "ogr office list", "ogr office list --json | jq '.[].office_id'");
}
