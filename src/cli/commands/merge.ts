import { type Command, Option } from "commander";
import { requireValue } from "../../client/http/problem.js";
import { lookUpMerge } from "../../client/merging.js";
import { MERGE_STRATEGIES, type MergeStrategy, mergeProtectedParamsSchema } from "../../domain/act/job.js";
import { addExamples, buildRegistryCommand } from "../build-command.js";
import { type CardOptions, proposeCard } from "../card-outcome.js";
import { EXIT, toEndExitCode } from "../exit-codes.js";
import { parseParams, printDryRun } from "../terminal/dry-run.js";
import { addCardOptions, buildRiskOption } from "../terminal/option-values.js";
import { withProgress } from "../terminal/progress.js";
import { formatCardPreview, shortenId } from "../terminal/text.js";
import { UnsuccessfulExit, UsageError } from "../usage.js";

interface MergeOptions extends CardOptions {
  readonly into: string;
  readonly strategy: MergeStrategy;
  readonly dryRun?: boolean;
}

/** `ogr merge`: opens the card that merges one branch of the registry into a protected one (L4 into main, L5 into release/*). */
export function buildMergeCommand(): Command {
  const command = buildRegistryCommand<MergeOptions>(
    "merge <project> <source>",
    "open the card that merges a branch of the registry into a protected one",
    async ({ options, arguments: [project_id = "", source = ""], out, openClient }) => {
      const registry = await openClient();
      const { into: target, strategy, office: office_id, risk, intent = `Merge ${source} into ${target}`, wait = false } = options;
      const { params, branches } = await lookUpMerge(registry, { project_id, source, target, strategy });
      if (params === undefined)
        throw new UsageError(`${source} is no branch of ${project_id}; its branches are ${branches.join(", ") || "none yet"}.`);
      parseParams(mergeProtectedParamsSchema, params);
      const wanted = { office_id, intent, jobType: "git.registry.merge_protected", params, target: "LAB_512" };
      if (!options.dryRun) return proposeCard(registry, risk === undefined ? wanted : { ...wanted, risk }, wait, out);
      const { intent: _, ...act } = risk === undefined ? wanted : { ...wanted, risk };
      const preview = await withProgress(out, async (step) => {
        step("planning");
        return requireValue(await registry.planCard(act));
      });
      const { level, reasons, plan, plan_digest, denial } = preview;
      const text = [
        `Merge ${source} into ${target} of ${project_id} (${strategy})`,
        `  source    ${params.expected_source}`,
        `  target    ${shortenId(params.expected_target)}${branches.includes(target) ? "" : ", which is created"}`,
        `  intent    ${intent}`,
        formatCardPreview(preview),
      ];
      const said = { level, reasons, plan, plan_digest, denial };
      printDryRun(out, registry, { act: wanted.jobType, ...wanted, risk: risk ?? null, ...said }, text.join("\n"));
      const exit = denial === null ? EXIT.ok : toEndExitCode("denied", denial.code);
      if (exit !== EXIT.ok) throw new UnsuccessfulExit(exit);
    },
  )
    .requiredOption("--into <branch>", "the protected branch, such as main or release/1.0; an absent one is created")
    .addOption(
      new Option("--strategy <strategy>", "fast-forward: move the branch; merge: a commit of both; squash: one commit of all")
        .choices(MERGE_STRATEGIES)
        .default("merge" satisfies MergeStrategy),
    )
    .addOption(buildRiskOption());
  return addExamples(
    addCardOptions(command),
    "ogr merge P.demo feature/hello --into main --wait",
    "ogr merge P.demo main --into release/1.0 --strategy fast-forward",
    "ogr merge P.demo feature/hello --into main --dry-run",
  );
}
