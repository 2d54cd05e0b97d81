import type { ArchiveParams } from "../domain/act/job.js";
import type { Plan } from "../domain/act/plan.js";
import { denyWith, grantValue, type Outcome } from "../domain/denial.js";
import { ZERO_ID } from "../domain/git/git-id.js";
import { ARCHIVED_REF } from "../domain/git/ref-name.js";
import { commitFiles } from "../repository/objects/commit-files.js";
import type { Making } from "../repository/objects/making.js";
import type { OpenRepository } from "../repository/open-repository.js";
import { buildPlan } from "./build-plan.js";
import type { PlanInput, PlanningContext } from "./context.js";
import { runOnProject } from "./open-project.js";

/** Denials: `project_unknown`, `nothing_to_do`. */
export function planArchive(context: PlanningContext, input: PlanInput<ArchiveParams>): Promise<Outcome<Plan>> {
  const { params } = input;
  return runOnProject(context, params.project_id, async (repository) => {
    const mark = checkArchiveMark(repository, params);
    if (!mark.ok) return mark;
    const refs = [{ name: ARCHIVED_REF, old: mark.value, new: params.archived ? null : ZERO_ID }];
    return grantValue(buildPlan(context, input, { job_type: "git.registry.archive", refs }));
  });
}

/** Returns the id of the archive mark before the act, zeros if there is none. Denial: `nothing_to_do`. */
export function checkArchiveMark(repository: OpenRepository, { project_id, archived }: ArchiveParams): Outcome<string> {
  const mark = repository.state.refs.get(ARCHIVED_REF)?.id ?? ZERO_ID;
  if ((mark === ZERO_ID) === archived) return grantValue(mark);
  return denyWith("nothing_to_do", archived ? `${project_id} is archived already.` : `${project_id} is not archived.`);
}

/** Creates the commit that the mark points to, which states the reason. */
export function commitMark(
  { limits }: PlanningContext,
  repository: OpenRepository,
  { project_id, reason }: ArchiveParams,
  making: Making,
): ReturnType<typeof commitFiles> {
  async function* buildNoteFiles() {
    yield { path: "ARCHIVED", bytes: Buffer.from(`${reason}\n`, "utf8") };
  }
  return commitFiles(repository, { parent: undefined, files: buildNoteFiles(), message: `Archive ${project_id}\n`, making }, limits);
}
