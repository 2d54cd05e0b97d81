import { type Command, Option } from "commander";
import { required } from "../../client/http/problem.js";
import { lookUpMerge } from "../../client/merging.js";
import { MERGE_STRATEGIES, type MergeStrategy, mergeProtectedParamsSchema } from "../../domain/act/job.js";
import { type CardOptions, proposeCard } from "../card-outcome.js";
import { EXIT, exitOfEnd } from "../exit-codes.js";
import { registryLeaf, withExamples } from "../leaf.js";
import { checkParams, printDryRun } from "../terminal/dry-run.js";
import { riskOption, withCardOptions } from "../terminal/option-values.js";
import { withProgress } from "../terminal/progress.js";
import { previewText, shortId } from "../terminal/text.js";
import { Ended, UsageError } from "../usage.js";

interface MergeOptions extends CardOptions {
  readonly into: string;
  readonly strategy: MergeStrategy;
  readonly dryRun?: boolean;
}

/** `ogr merge`: opens the card that merges one branch of the registry into a protected one (L4 into main, L5 into release/*). */
export function merge(): Command {
  const command = registryLeaf<MergeOptions>(
    "merge <project> <source>",
    "open the card that merges a branch of the registry into a protected one",
    async ({ options, arguments: [project_id = "", source = ""], out, client }) => {
      const registry = await client();
      const { into: target, strategy, office: office_id, risk, intent = `Merge ${source} into ${target}`, wait = false } = options;
      const { params, branches } = await lookUpMerge(registry, { project_id, source, target, strategy });
      if (params === undefined)
        throw new UsageError(`${source} is no branch of ${project_id}; its branches are ${branches.join(", ") || "none yet"}.`);
      checkParams(mergeProtectedParamsSchema, params);
      const wanted = { office_id, intent, jobType: "git.registry.merge_protected", params, target: "LAB_512" };
      if (!options.dryRun) return proposeCard(registry, risk === undefined ? wanted : { ...wanted, risk }, wait, out);
      const { intent: _, ...act } = risk === undefined ? wanted : { ...wanted, risk };
      const preview = await withProgress(out, async (step) => {
        step("planning");
        return required(await registry.plan(act));
      });
      const { level, reasons, plan, plan_digest, denial } = preview;
      const text = [
        `Merge ${source} into ${target} of ${project_id} (${strategy})`,
        `  source    ${params.expected_source}`,
        `  target    ${shortId(params.expected_target)}${branches.includes(target) ? "" : ", which is created"}`,
        `  intent    ${intent}`,
        previewText(preview),
      ];
      const said = { level, reasons, plan, plan_digest, denial };
      printDryRun(out, registry, { act: wanted.jobType, ...wanted, risk: risk ?? null, ...said }, text.join("\n"));
      const exit = denial === null ? EXIT.ok : exitOfEnd("denied", denial.code);
      if (exit !== EXIT.ok) throw new Ended(exit);
    },
  )
    .requiredOption("--into <branch>", "the protected branch, such as main or release/1.0; an absent one is created")
    .addOption(
      new Option("--strategy <strategy>", "fast-forward: move the branch; merge: a commit of both; squash: one commit of all")
        .choices(MERGE_STRATEGIES)
        .default("merge" satisfies MergeStrategy),
    )
    .addOption(riskOption());
  return withExamples(
    withCardOptions(command),
    "ogr merge P.demo feature/hello --into main --wait",
    "ogr merge P.demo main --into release/1.0 --strategy fast-forward",
    "ogr merge P.demo feature/hello --into main --dry-run",
  );
}
