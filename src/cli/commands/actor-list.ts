import type { Command } from "commander";
import { listed } from "../../client/http/paging.js";
import { registryLeaf, withExamples } from "../leaf.js";
import { limitOption } from "../terminal/option-values.js";
import { printTable } from "../terminal/table.js";

interface ListOptions {
  readonly office?: string;
  readonly limit: number;
}

/** `ogr actor list`. */
export function actorList(): Command {
  const command = registryLeaf<ListOptions>(
    "list",
    "list the persons, agents and apps of the tenant with their offices",
    async ({ options: { office, limit }, out, client }) => {
      const registry = await client();
      const query = office === undefined ? {} : { office_id: office };
      const actors = await listed((page) => registry.actors({ ...query, ...page }), limit);
      printTable(
        out,
        actors,
        [
          { title: "actor", of: (actor) => actor.actor_id },
          { title: "name", of: (actor) => actor.display_name },
          { title: "person", of: (actor) => actor.person_id ?? "—" },
          { title: "state", of: (actor) => (actor.disabled ? "disabled" : "active") },
          { title: "offices", of: (actor) => actor.offices.map(({ office_id, roles }) => [office_id, ...roles].join("+")).join(", ") },
        ],
        "There are no such actors.",
      );
    },
  )
    .option("--office <office>", "those who hold it")
    .addOption(limitOption());
  return withExamples(command, "ogr actor list", "ogr actor list --office office:security");
}
