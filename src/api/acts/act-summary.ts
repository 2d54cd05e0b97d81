import type { Job } from "../../domain/act/job.js";

/** One line that says what an act does, for lists of flows. */
export function formatActSummary(job: Pick<Job, "jobType" | "params">): string {
  const act = job as Job;
  switch (act.jobType) {
    case "git.registry.init":
      return `Register ${act.params.project_id} (${act.params.visibility})`;
    case "git.registry.push":
      return `${formatPushVerb(act.params)} ${act.params.project_id} ${act.params.branch}`;
    case "git.registry.tag_release":
      return `Release ${act.params.project_id} ${act.params.tag}`;
    case "git.registry.merge_protected":
      return `Merge ${act.params.project_id} ${act.params.source} into ${act.params.target}`;
    case "git.registry.reset":
      return `Reset ${act.params.project_id}`;
    case "git.registry.archive":
      return `${act.params.archived ? "Archive" : "Unarchive"} ${act.params.project_id}`;
    case "git.registry.telemetry_append":
      return `Append ${act.params.lines} lines of telemetry to ${act.params.project_id}`;
  }
}

function formatPushVerb(params: { delete?: boolean | undefined; force?: boolean | undefined }): string {
  if (params.delete) return "Delete";
  return params.force ? "Force-push" : "Push";
}
