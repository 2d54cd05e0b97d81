import { requireValue } from "../../../client/http/problem.js";
import { CardCommand } from "../../card-command.js";
import { buildBreakGlassOption } from "../../terminal/option-values.js";

/** `ogr project reset`: opens the card that empties a sandbox project (L3). The card binds the refs that the project has now. */
export function buildProjectResetCommand(): CardCommand {
  return new CardCommand("reset <project>", "open the card that deletes every branch and tag of a sandbox project")
    .addOption(buildBreakGlassOption())
    .addExamples(
      "ogr project reset P.sandbox --office office:infra.deployer --wait",
      "ogr project reset P.sandbox --office office:infra.deployer --dry-run",
    )
    .openCard(async (registry, [project_id = ""]) => {
      const { id, refs_digest } = requireValue(await registry.readProject(project_id));
      return {
        jobType: "git.registry.reset",
        params: { project_id, expected_refs: refs_digest },
        intent: `Reset ${project_id}`,
        preview: async ({ intent }) => ({
          lines: [
            `Reset ${id}: deletes every branch and tag; keeps packs, receipts and manifests of releases`,
            ...(await registry.listRefs(project_id).read()).map(({ name, object_id }) => `  deletes   ${name}, now ${object_id}`),
            `  intent    ${intent}`,
          ],
        }),
      };
    });
}
