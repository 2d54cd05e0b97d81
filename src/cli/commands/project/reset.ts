import type { Command } from "commander";
import type { ProjectDetail } from "../../../client/answers.js";
import { requireValue } from "../../../client/http/problem.js";
import { addExamples, buildRegistryCommand } from "../../build-command.js";
import { type CardOptions, proposeCard } from "../../card-outcome.js";
import { printDryRun } from "../../terminal/dry-run.js";
import { addCardOptions } from "../../terminal/option-values.js";

interface ResetOptions extends CardOptions {
  readonly dryRun?: boolean;
}

/** `ogr project reset`: opens the card that empties a sandbox project (L3). What goes is what the project has now. */
export function buildProjectResetCommand(): Command {
  const command = buildRegistryCommand<ResetOptions>(
    "reset <project>",
    "open the card that deletes every branch and tag of a sandbox project",
    async ({ options, arguments: [project_id = ""], out, openClient }) => {
      const registry = await openClient();
      const project = requireValue(await registry.readProject(project_id));
      const params = { project_id, expected_refs: project.refs_digest };
      const { office: office_id, intent = `Reset ${project_id}`, wait = false } = options;
      const wanted = { office_id, intent, jobType: "git.registry.reset", params, target: "LAB_512" };
      if (!options.dryRun) return proposeCard(registry, wanted, wait, out);
      printDryRun(out, registry, { act: wanted.jobType, ...wanted }, formatReset(project, intent));
    },
  );
  return addExamples(
    addCardOptions(command),
    "ogr project reset P.sandbox --office office:infra.deployer --wait",
    "ogr project reset P.sandbox --office office:infra.deployer --dry-run",
  );
}

function formatReset({ id, refs, refs_cut }: ProjectDetail, intent: string): string {
  const lines = [`Reset ${id}: every branch and tag goes; packs, receipts and manifests of releases stay`];
  for (const { name, object_id } of refs) lines.push(`  deletes   ${name}, now ${object_id}`);
  if (refs_cut) lines.push("  deletes   further refs, which the card's plan names");
  return [...lines, `  intent    ${intent}`].join("\n");
}
