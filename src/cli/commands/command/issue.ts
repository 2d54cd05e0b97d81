import { readFile } from "node:fs/promises";
import { buildCommandEnvelope } from "../../../client/acting.js";
import { directPermitSchema } from "../../../client/answers.js";
import { requireValue } from "../../../client/http/problem.js";
import { waitForCommandEnd } from "../../../client/waiting.js";
import { INLINE_PATCH_MAX_BYTES } from "../../../domain/act/job.js";
import { RegistryCommand } from "../../cli-command.js";
import { UsageError } from "../../failure.js";
import { ACT_MAX_MS, reportCommandEnd } from "../../outcome.js";
import { parseParams, printDryRun } from "../../terminal/dry-run.js";
import { readJsonInput } from "../../terminal/json-file.js";
import { buildDryRunOption } from "../../terminal/option-values.js";
import { withProgress } from "../../terminal/progress.js";
import { formatSize } from "../../terminal/text.js";

interface IssueOptions {
  readonly permit: string;
  readonly params: string;
  readonly patch?: string;
  readonly job?: string;
  readonly dryRun?: boolean;
}

/** `ogr command issue`: runs the command that a permit allows, and waits for the receipt (ADR-002 §10). */
export function buildCommandIssueCommand(): RegistryCommand {
  return new RegistryCommand<IssueOptions>("issue", "issue the command of a permit and wait for its receipt")
    .requiredOption("--permit <file>", "the output of `ogr permit request --json`, or - for standard input")
    .requiredOption("--params <file>", "the params of the permit request")
    .option("--patch <file>", "the bytes to send inside the command; stage larger ones first")
    .option("--job <id>", "your own job id (default: a new one)")
    .addOption(buildDryRunOption())
    .addExamples("ogr command issue --permit permit.json --params push.json --patch push.bundle")
    .run(async ({ options, out, openClient }) => {
      const granted = parseParams(directPermitSchema, await readJsonInput("--permit", options.permit));
      const params = (await readJsonInput("--params", options.params)) as object;
      const patch = options.patch === undefined ? undefined : await readPatch(options.patch);
      const registry = await openClient();
      const { jobType, target, tenant_id } = granted.permit.scopes;
      const envelope = buildCommandEnvelope(granted, { tenant_id, jobType, params, target }, { jobId: options.job, patch });
      if (options.dryRun) {
        const { jti, jobId } = envelope;
        const text = `Issue ${jobType} on ${target}\n  permit    ${jti}\n  job       ${jobId}`;
        return printDryRun(out, registry, { act: "command.issue", jti, jobId, jobType, target, params }, text);
      }
      const ended = await withProgress(out, "issuing the command", async (step) => {
        requireValue(await registry.issueCommand(envelope));
        step("running");
        return waitForCommandEnd(registry, envelope.jti, ACT_MAX_MS);
      });
      reportCommandEnd(ended, out);
    });
}

async function readPatch(path: string): Promise<string> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--patch: ${path} cannot be read (${error.code}).`);
  });
  if (bytes.byteLength > INLINE_PATCH_MAX_BYTES)
    throw new UsageError(
      `--patch: ${path} has ${formatSize(bytes.byteLength)}; above 1 MiB, stage it with PUT /v1/staging/{blake3} and omit --patch.`,
    );
  return bytes.toString("base64");
}
