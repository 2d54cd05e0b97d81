import type { GitJobType, ParamsOf } from "../../domain/act/job.js";
import type { Outcome } from "../../domain/denial.js";
import { archiveJob } from "./git.registry.archive.js";
import { initJob } from "./git.registry.init.js";
import { mergeProtectedJob } from "./git.registry.merge_protected.js";
import { pushJob } from "./git.registry.push.js";
import { resetJob } from "./git.registry.reset.js";
import { tagReleaseJob } from "./git.registry.tag_release.js";
import { telemetryAppendJob } from "./git.registry.telemetry_append.js";
import type { DeriveInput, Effects, ExecuteInput, JobContext, JobHandler } from "./job.js";

const JOB_HANDLERS: { readonly [T in GitJobType]: JobHandler<ParamsOf<T>> } = {
  "git.registry.init": initJob,
  "git.registry.push": pushJob,
  "git.registry.tag_release": tagReleaseJob,
  "git.registry.merge_protected": mergeProtectedJob,
  "git.registry.reset": resetJob,
  "git.registry.telemetry_append": telemetryAppendJob,
  "git.registry.archive": archiveJob,
};

export function executeJob<T extends GitJobType>(
  jobType: T,
  context: JobContext,
  input: ExecuteInput<ParamsOf<T>>,
): Promise<Outcome<Effects>> {
  return JOB_HANDLERS[jobType].execute(context, input);
}

/** Writes the objects that are derived from an act's receipt, except the project's index. */
export async function deriveFromReceipt<T extends GitJobType>(
  jobType: T,
  context: JobContext,
  input: DeriveInput<ParamsOf<T>>,
): Promise<void> {
  await JOB_HANDLERS[jobType].derive?.(context, input);
}
