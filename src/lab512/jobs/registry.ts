import type { JobParams, JobType } from "../../domain/act/job.js";
import type { JobHandler } from "../../planning/job.js";
import { archiveJob } from "./git.registry.archive.js";
import { initJob } from "./git.registry.init.js";
import { mergeProtectedJob } from "./git.registry.merge_protected.js";
import { pushJob } from "./git.registry.push.js";
import { resetJob } from "./git.registry.reset.js";
import { tagReleaseJob } from "./git.registry.tag_release.js";
import { telemetryAppendJob } from "./git.registry.telemetry_append.js";

const JOBS: Readonly<Record<JobType, JobHandler<JobParams>>> = {
  "git.registry.init": initJob,
  "git.registry.push": pushJob,
  "git.registry.tag_release": tagReleaseJob,
  "git.registry.merge_protected": mergeProtectedJob,
  "git.registry.reset": resetJob,
  "git.registry.telemetry_append": telemetryAppendJob,
  "git.registry.archive": archiveJob,
};

/** The handler of a job type; the allowlist's names are its keys. `params` must have been parsed for that very type. */
export function resolveJobHandler(jobType: JobType): JobHandler<JobParams> {
  return JOBS[jobType];
}
