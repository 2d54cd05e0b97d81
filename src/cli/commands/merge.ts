import { Option } from "commander";
import { requireValue } from "../../client/http/problem.js";
import { lookUpMerge } from "../../client/merging.js";
import { MERGE_STRATEGIES, type MergeStrategy, mergeProtectedParamsSchema } from "../../domain/act/job.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { CardCommand } from "../card-command.js";
import { EXIT, toEndExitCode } from "../exit-codes.js";
import { UsageError } from "../failure.js";
import { parseParams } from "../terminal/dry-run.js";
import { buildBreakGlassOption, buildRiskOption } from "../terminal/option-values.js";
import { formatCardPreview, shortenId } from "../terminal/text.js";

interface MergeOptions {
  readonly into: string;
  readonly strategy: MergeStrategy;
}

/** `ogr merge`: opens the card that merges a branch of the registry into a protected one (L4 into main, L5 into release/*). */
export function buildMergeCommand(): CardCommand<MergeOptions> {
  return new CardCommand<MergeOptions>(
    "merge <project> <source>",
    "open the card that merges a branch of the registry into a protected one",
  )
    .requiredOption("--into <branch>", "the protected branch, such as main or release/1.0; created if absent")
    .addOption(
      new Option("--strategy <strategy>", "fast-forward: move the branch; merge: a commit of both; squash: one commit of all")
        .choices(MERGE_STRATEGIES)
        .default("merge" satisfies MergeStrategy),
    )
    .addOption(buildRiskOption())
    .addOption(buildBreakGlassOption())
    .addExamples(
      "ogr merge P.demo feature/hello --into main --wait",
      "ogr merge P.demo main --into release/1.0 --strategy fast-forward",
      "ogr merge P.demo feature/hello --into main --dry-run",
    )
    .openCard(async (registry, [project_id = "", source = ""], { into: target, strategy, risk }) => {
      const { params, target_tip } = await lookUpMerge(registry, { project_id, source, target, strategy });
      if (params === undefined)
        throw new UsageError(`${project_id} has no branch ${source}; list its branches: ogr project show ${project_id}.`);
      parseParams(mergeProtectedParamsSchema, params);
      return {
        jobType: "git.registry.merge_protected",
        params,
        intent: `Merge ${source} into ${target}`,
        async preview({ intent, ...act }) {
          const preview = requireValue(await registry.planCard(act));
          const { level, reasons, plan, plan_digest, denial } = preview;
          return {
            lines: [
              `Merge ${source} into ${target} of ${project_id} (${strategy})`,
              `  source    ${params.expected_source}`,
              `  target    ${shortenId(target_tip)}${target_tip !== ZERO_ID ? "" : ", which is created"}`,
              `  intent    ${intent}`,
              formatCardPreview(preview),
            ],
            facts: { risk: risk ?? null, level, reasons, plan, plan_digest, denial },
            exit: denial === null ? EXIT.ok : toEndExitCode("denied", denial.code),
          };
        },
      };
    });
}
