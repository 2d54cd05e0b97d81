import type { Command } from "commander";
import { listItems } from "../../client/http/paging.js";
import { addExamples, buildRegistryCommand } from "../build-command.js";
import { buildLimitOption } from "../terminal/option-values.js";
import { printTable } from "../terminal/table.js";

interface ListOptions {
  readonly limit: number;
}

/** `ogr office list`: shows what the active policy lets each office do. */
export function buildOfficeListCommand(): Command {
  const command = buildRegistryCommand<ListOptions>(
    "list",
    "list the offices of the tenant and what its policy lets them do",
    async ({ options: { limit }, out, openClient }) => {
      const registry = await openClient();
      const offices = await listItems((page) => registry.listOffices(page), limit);
      printTable(
        out,
        offices,
        [
          { title: "office", format: (office) => office.office_id },
          { title: "holders", format: (office) => String(office.holders) },
          { title: "up to", format: (office) => office.policy?.risk_ceiling ?? "—" },
          { title: "targets", format: (office) => office.policy?.targets.join(", ") ?? "—" },
          { title: "may", format: (office) => office.policy?.allowed_actions.join(", ") ?? "nothing: the policy does not know it" },
        ],
        "No offices.",
      );
    },
  ).addOption(buildLimitOption());
  return addExamples(command, "ogr office list", "ogr office list --json | jq '.[].office_id'");
}
