import { Option } from "commander";
import { requireValueOr } from "../../../client/http/problem.js";
import { hashSubject, JOB_TYPES, jobSchema } from "../../../domain/act/job.js";
import { TARGETS } from "../../../domain/ids.js";
import { RegistryCommand } from "../../cli-command.js";
import { parseParams, printDryRun } from "../../terminal/dry-run.js";
import { readJsonInput } from "../../terminal/json-file.js";
import { buildDryRunOption, buildOfficeOption, buildRiskOption } from "../../terminal/option-values.js";
import { formatTime } from "../../terminal/text.js";

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

/** `ogr permit request`: asks the policy for a permit (ADR-002 §10), which `ogr command issue` uses. */
export function buildPermitRequestCommand(): RegistryCommand {
  return new RegistryCommand<RequestOptions>("request", "ask the policy for a permit")
    .addOption(new Option("--job <type>", "the type of the act").choices(JOB_TYPES).makeOptionMandatory())
    .requiredOption("--params <file>", "its params as JSON, or - for standard input")
    .addOption(new Option("--target <target>", "the target of the act").choices(TARGETS).default("LAB_512"))
    .addOption(buildOfficeOption())
    .requiredOption("--intent <sentence>", "what this is for")
    .option("--card <card>", "the approved card that the permit is for")
    .addOption(buildRiskOption())
    .addOption(buildDryRunOption())
    .addExamples(
      'ogr permit request --job git.registry.push --params push.json --intent "Publish" --json > permit.json',
      'ogr permit request --job git.registry.tag_release --params tag.json --intent "Release" --card k-b06e3b3672441f6c4167',
    )
    .run(async ({ options, out, openClient }) => {
      const { office: office_id, intent, target, card, risk } = options;
      const params = await readJsonInput("--params", options.params);
      const job = parseParams(jobSchema, { jobType: options.job, params });
      const registry = await openClient();
      const refs = { ...(card === undefined ? {} : { approval_ref: card }), ...(risk === undefined ? {} : { risk }) };
      const wanted = { office_id, intent, jobType: job.jobType, params: job.params, target, ...refs };
      if (options.dryRun) {
        const subject_hash = hashSubject(job.params);
        const text = `Ask for a permit of ${job.jobType} on ${target}\n  subject   ${subject_hash}\n  intent    ${intent}`;
        return printDryRun(out, registry, { act: "permit.request", subject_hash, ...wanted }, text);
      }
      const granted = requireValueOr(await registry.requestPermit(wanted), {
        approval_required:
          "Open it with `ogr push --card`, `ogr merge` or the command of the act, and name it with --card once it is approved.",
      });
      const { permit, level, reasons } = granted;
      const lines = [`${permit.jti}: allowed at ${level}, until ${formatTime(permit.exp)}`];
      for (const { rule, text } of reasons) lines.push(`  reason    ${text} (${rule})`);
      out.print(granted, [...lines, "Pass the output of --json to `ogr command issue`."].join("\n"));
    });
}
