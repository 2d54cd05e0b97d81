import type { Command } from "commander";
import { Option } from "commander";
import { required } from "../../../client/http/problem.js";
import { JOB_TYPES, jobSchema, subjectHash } from "../../../domain/act/job.js";
import { TARGETS } from "../../../domain/ids.js";
import { registryLeaf, withExamples } from "../../leaf.js";
import { checkParams, printDryRun } from "../../terminal/dry-run.js";
import { jsonOf } from "../../terminal/json-file.js";
import { dryRunOption, officeOption, riskOption } from "../../terminal/option-values.js";
import { when } from "../../terminal/text.js";

interface RequestOptions {
  readonly job: string;
  readonly params: string;
  readonly target: string;
  readonly office: string;
  readonly intent: string;
  readonly card?: string;
  readonly risk?: string;
  readonly dryRun?: boolean;
}

/** `ogr permit request`: asks the policy for leave to act (ADR-002 §10); `ogr command issue` uses it. */
export function permitRequest(): Command {
  const command = registryLeaf<RequestOptions>("request", "ask the policy for a permit", async ({ options, out, client }) => {
    const { office: office_id, intent, target, card, risk } = options;
    const params = await jsonOf("--params", options.params);
    const job = checkParams(jobSchema, { jobType: options.job, params });
    const registry = await client();
    const refs = { ...(card === undefined ? {} : { approval_ref: card }), ...(risk === undefined ? {} : { risk }) };
    const wanted = { office_id, intent, jobType: job.jobType, params: job.params, target, ...refs };
    if (options.dryRun) {
      const subject_hash = subjectHash(job.params);
      const text = `Ask for a permit of ${job.jobType} on ${target}\n  subject   ${subject_hash}\n  intent    ${intent}`;
      return printDryRun(out, registry, { act: "permit.request", subject_hash, ...wanted }, text);
    }
    const granted = required(await registry.permit(wanted));
    const { permit, level, reasons } = granted;
    const lines = [`${permit.jti}: allowed at ${level}, until ${when(permit.exp)}`];
    for (const { rule, text } of reasons) lines.push(`  reason    ${text} (${rule})`);
    out.print(granted, [...lines, "Its command can be issued by whoever keeps what --json prints."].join("\n"));
  })
    .addOption(new Option("--job <type>", "what is to be done").choices(JOB_TYPES).makeOptionMandatory())
    .requiredOption("--params <file>", "its params as JSON; - reads standard input")
    .addOption(new Option("--target <target>", "where").choices(TARGETS).default("LAB_512"))
    .addOption(officeOption())
    .requiredOption("--intent <sentence>", "what this is for")
    .option("--card <card>", "the approved card whose permit is asked for")
    .addOption(riskOption())
    .addOption(dryRunOption());
  return withExamples(
    command,
    'ogr permit request --job git.registry.push --params push.json --intent "Publish" --json > permit.json',
    'ogr permit request --job git.registry.tag_release --params tag.json --intent "Release" --card k-b06e3b3672441f6c4167',
  );
}
