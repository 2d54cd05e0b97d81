import { writeFile } from "node:fs/promises";
import { requireValue } from "../../../client/http/problem.js";
import { replacePolicyData } from "../../../decision/policy/bytes.js";
import { parsePolicyData } from "../../../decision/policy/data.js";
import { loadPolicy } from "../../../decision/policy/policy.js";
import { type Job, summarizeJob } from "../../../domain/act/job.js";
import { NO_PROJECT } from "../../../domain/ids.js";
import { formatProblems } from "../../../domain/problems.js";
import { CardCommand } from "../../card-command.js";
import { RegistryCommand } from "../../cli-command.js";
import { UsageError } from "../../failure.js";
import { readJsonInput } from "../../terminal/json-file.js";
import { CHARTER_OFFICE, previewChange } from "../charter/propose.js";
import { buildFoundingKeyOption, type CharterOptions } from "../charter/read.js";
import { readPolicyAt, readPolicyFile, requirePolicy } from "./policy-at.js";
import { comparePolicies, formatComparison } from "./read.js";

interface BuildOptions {
  readonly data: string;
  readonly base?: string;
  readonly output: string;
}

/** `ogr policy build`: puts data into the rules of a policy. */
export function buildPolicyBuildCommand(): RegistryCommand<BuildOptions> {
  return new RegistryCommand<BuildOptions>("build", "put data into the rules of a policy, and write the new policy")
    .requiredOption("--data <file>", "the data as JSON, as `ogr policy show` prints it; - reads standard input")
    .option("--base <hash-or-file>", "the policy with the rules (default: the active policy)")
    .requiredOption("-o, --output <file>", "the new policy")
    .addExamples("ogr policy build --data data.json -o policy.wasm", "ogr policy build --data data.json --base old.wasm -o policy.wasm")
    .run(async ({ options: { data: place, base, output }, out, openClient }) => {
      const data = parsePolicyData(await readJsonInput("--data", place));
      if (!data.ok) throw new UsageError(`--data: ${formatProblems(data.problems)}`);
      const rules = await readPolicyAt(base, openClient);
      const bytes = replacePolicyData(rules.bytes, data.value);
      const { hash: policy_hash } = await requirePolicy("--data", () => loadPolicy(bytes));
      await writeFile(output, bytes).catch((error: NodeJS.ErrnoException) => {
        throw new UsageError(`--output: ${output} cannot be written (${error.code}).`);
      });
      out.print({ ok: true, path: output, policy_hash }, policy_hash);
    });
}

interface PublishOptions extends CharterOptions {
  readonly listRules?: boolean;
}

/** `ogr policy publish`: stages a policy and opens the card that makes it the active one (L5). */
export function buildPolicyPublishCommand(): CardCommand<PublishOptions> {
  return new CardCommand<PublishOptions>(
    "publish <policy-file>",
    "stage a policy, and open the card that makes it your tenant's active policy",
  )
    .option("--list-rules", "in the operator's tenant: let every tenant publish policies with these rules")
    .addOption(buildFoundingKeyOption())
    .addExamples("ogr policy publish policy.wasm --dry-run", 'ogr policy publish policy.wasm --intent "Two approvals at L3" --wait')
    .openCard(async (registry, [path = ""], options) => {
      const loaded = await readPolicyFile(path);
      const { hash: policy_hash, rules_hash } = loaded.policy;
      const params = { project_id: NO_PROJECT, policy_hash, ...(options.listRules === true ? { rules: rules_hash } : {}) } as const;
      const job: Job<"registry.policy.publish"> = { jobType: "registry.policy.publish", params };
      return {
        ...job,
        intent: summarizeJob(job),
        prepare: async () => void requireValue(await registry.stageFile(policy_hash, path)),
        async preview(wanted) {
          const change = await previewChange(registry, options, job, wanted, { hash: policy_hash, bytes: loaded.bytes });
          const comparison = comparePolicies(await readPolicyAt(undefined, async () => registry), loaded);
          return { ...change, lines: [...change.lines, ...formatComparison(comparison)], facts: { ...change.facts, comparison } };
        },
      };
    }, CHARTER_OFFICE);
}
