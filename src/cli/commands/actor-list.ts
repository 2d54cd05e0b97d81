import type { Command } from "commander";
import { listItems } from "../../client/http/paging.js";
import { addExamples, buildRegistryCommand } from "../build-command.js";
import { buildLimitOption } from "../terminal/option-values.js";
import { printTable } from "../terminal/table.js";

interface ListOptions {
  readonly office?: string;
  readonly limit: number;
}

/** `ogr actor list`. */
export function buildActorListCommand(): Command {
  const command = buildRegistryCommand<ListOptions>(
    "list",
    "list the persons, agents and apps of the tenant with their offices",
    async ({ options: { office, limit }, out, openClient }) => {
      const registry = await openClient();
      const query = office === undefined ? {} : { office_id: office };
      const actors = await listItems((page) => registry.listActors({ ...query, ...page }), limit);
      printTable(
        out,
        actors,
        [
          { title: "actor", format: (actor) => actor.actor_id },
          { title: "name", format: (actor) => actor.display_name },
          { title: "person", format: (actor) => actor.person_id ?? "—" },
          { title: "state", format: (actor) => (actor.disabled ? "disabled" : "active") },
          { title: "offices", format: (actor) => actor.offices.map(({ office_id, roles }) => [office_id, ...roles].join("+")).join(", ") },
        ],
        "No actors.",
      );
    },
  )
    .option("--office <office>", "only actors who hold this office")
    .addOption(buildLimitOption());
  return addExamples(command, "ogr actor list", "ogr actor list --office office:security");
}
