import type { Command } from "commander";
import { type CardOptions, proposeCard } from "../card-outcome.js";
import { registryLeaf } from "../leaf.js";

interface RegisterOptions extends CardOptions {
  readonly name?: string;
  readonly owner?: string[];
  readonly visibility: string;
}

/** `ogr project register`: opens the card for a new project (L3). */
export function projectRegister(): Command {
  return registryLeaf<RegisterOptions>(
    "register <project>",
    "open the card that registers a project",
    async ({ options, arguments: [project_id = ""], out, client }) => {
      const registry = await client();
      const params = {
        project_id,
        name: options.name ?? project_id.replace(/^P\./, ""),
        owners: options.owner ?? [registry.actor_id],
        visibility: options.visibility,
      };
      const intent = options.intent ?? `Register ${project_id}`;
      const { office: office_id, wait = false } = options;
      await proposeCard(registry, { office_id, intent, jobType: "git.registry.init", params, target: "LAB_512" }, wait, out);
    },
  )
    .option("--name <name>", "what people call it")
    .option("--owner <id...>", "actors or offices; you, when left out")
    .option("--visibility <visibility>", "private, internal or public", "internal")
    .option("--office <office>", "the office that you act through", "office::default")
    .option("--intent <sentence>", "what this is for")
    .option("--wait", "wait until the card has come to its end");
}
