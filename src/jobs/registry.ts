import type { JobParams, JobType } from "../domain/job.js";
import { initJob } from "./git.registry.init.js";
import { pushJob } from "./git.registry.push.js";
import { tagReleaseJob } from "./git.registry.tag_release.js";
import type { JobHandler } from "./handler.js";

const JOBS: Readonly<Record<JobType, JobHandler<JobParams>>> = {
  "git.registry.init": initJob,
  "git.registry.push": pushJob,
  "git.registry.tag_release": tagReleaseJob,
};

/** The handler of a job type; the allowlist's names are its keys. `params` must have been parsed for that very type. */
export function jobHandler(jobType: JobType): JobHandler<JobParams> {
  return JOBS[jobType];
}
