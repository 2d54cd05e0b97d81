import { readFile } from "node:fs/promises";
import { buildCommandEnvelope } from "../../../client/acting.js";
import { directPermitSchema } from "../../../client/answers.js";
import { requireValue } from "../../../client/http/problem.js";
import { waitForCommandEnd } from "../../../client/waiting.js";
import { INLINE_PATCH_MAX_BYTES } from "../../../domain/act/job.js";
import { hashBlake3Hex } from "../../../domain/bytes/hash.js";
import { RegistryCommand } from "../../cli-command.js";
import { UsageError } from "../../failure.js";
import { ACT_MAX_MS, reportCommandEnd } from "../../outcome.js";
import { parseParams, printDryRun } from "../../terminal/dry-run.js";
import { readJsonInput } from "../../terminal/json-file.js";
import { buildDryRunOption } from "../../terminal/option-values.js";
import { withProgress } from "../../terminal/progress.js";

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
    .option("--patch <file>", "the bytes of a push; above 1 MiB they are staged first")
    .option("--job <id>", "your own job id (default: a new one)")
    .addOption(buildDryRunOption())
    .addExamples("ogr command issue --permit permit.json --params push.json --patch push.bundle")
    .run(async ({ options, out, openClient }) => {
      const granted = parseParams(directPermitSchema, await readJsonInput("--permit", options.permit));
      const params = (await readJsonInput("--params", options.params)) as object;
      const bytes = options.patch === undefined ? undefined : await readPatch(options.patch);
      const isInline = bytes !== undefined && bytes.byteLength <= INLINE_PATCH_MAX_BYTES;
      const patch = isInline ? bytes.toString("base64") : undefined;
      const registry = await openClient();
      const { jobType, target, tenant_id } = granted.permit.scopes;
      const envelope = buildCommandEnvelope(granted, { tenant_id, jobType, params, target }, { jobId: options.job, patch });
      if (options.dryRun) {
        const { jti, jobId } = envelope;
        const text = `Issue ${jobType} on ${target}\n  permit    ${jti}\n  job       ${jobId}`;
        return printDryRun(out, registry, { act: "command.issue", jti, jobId, jobType, target, params }, text);
      }
      const ended = await withProgress(out, "issuing the command", async (step) => {
        if (bytes !== undefined && !isInline) requireValue(await registry.stageFile(hashBlake3Hex(bytes), options.patch ?? ""));
        requireValue(await registry.issueCommand(envelope));
        step("running");
        return waitForCommandEnd(registry, envelope.jti, ACT_MAX_MS);
      });
      reportCommandEnd(ended, out);
    });
}

function readPatch(path: string): Promise<Buffer> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--patch: ${path} cannot be read (${error.code}).`);
  });
}
