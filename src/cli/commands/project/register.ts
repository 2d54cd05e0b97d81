import { Option } from "commander";
import { Refused } from "../../../client/http/problem.js";
import type { RegistryClient } from "../../../client/http/registry-client.js";
import { initParamsSchema, VISIBILITIES } from "../../../domain/act/job.js";
import { CardCommand } from "../../card-command.js";
import { EXIT } from "../../exit-codes.js";
import { parseParams } from "../../terminal/dry-run.js";
import { buildBreakGlassOption } from "../../terminal/option-values.js";

interface RegisterOptions {
  readonly name?: string;
  readonly owner?: string[];
  readonly visibility: string;
}

/** `ogr project register`: opens the card for a new project (L3). */
export function buildProjectRegisterCommand(): CardCommand<RegisterOptions> {
  return new CardCommand<RegisterOptions>("register <project>", "open the card that registers a project")
    .option("--name <name>", "the project's display name")
    .option("--owner <id...>", "actors or offices (default: you)")
    .addOption(new Option("--visibility <visibility>", "who can see it").choices(VISIBILITIES).default("internal"))
    .addOption(buildBreakGlassOption())
    .addExamples(
      "ogr project register P.demo --name Demo --wait",
      "ogr project register P.secret --visibility private --owner office:security --dry-run",
    )
    .openCard(
      async (registry, [project_id = ""], { name = project_id.replace(/^P\./, ""), owner: owners = [registry.actor_id], visibility }) => {
        const params = { project_id, name, owners, visibility };
        return {
          jobType: "git.registry.init",
          params,
          intent: `Register ${project_id}`,
          async preview({ intent }) {
            parseParams(initParamsSchema, params);
            const is_taken = await isTaken(registry, project_id);
            return {
              lines: [
                `Register ${project_id}${is_taken ? ", which already exists" : ""}`,
                `  name      ${name}`,
                `  owners    ${owners.join(", ")}`,
                `  seen by   ${visibility}`,
                `  intent    ${intent}`,
              ],
              facts: { is_taken },
              exit: is_taken ? EXIT.conflict : EXIT.ok,
            };
          },
        };
      },
    );
}

/** Whether the caller can see a project of this id. The plan of a card refuses an id that is taken by one the caller cannot see. */
async function isTaken(registry: RegistryClient, projectId: string): Promise<boolean> {
  const found = await registry.readProject(projectId);
  if (found.ok) return true;
  if (found.problem.code === "not_found") return false;
  throw new Refused(found.problem);
}
