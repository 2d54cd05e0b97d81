import type { ArchiveParams } from "../../domain/act/job.js";
import type { Plan } from "../../domain/act/plan.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import type { RefMove } from "../../domain/git/ref-move.js";
import { ARCHIVED_REF, toActRef } from "../../domain/git/ref-name.js";
import type { Effects, ExecuteInput, JobContext, JobHandler } from "../../planning/job.js";
import { runOnProject } from "../../planning/open-project.js";
import { buildPlanWithoutCommits } from "../../planning/plan-without-commits.js";
import { commitFiles } from "../../repository/objects/commit-files.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { listFinishedActs } from "../../repository/refs/finished-acts.js";
import { storePack } from "../git/store-pack.js";
import { moveJobRefs } from "./move-job-refs.js";

/**
 * Makes a project read-only, or ends that. The mark is a hidden ref in the object that holds all refs: the write that archives and one
 * that would move a branch cannot both happen (contracts "Jobs beyond the ADR's four"). Denials: `project_unknown`, `nothing_to_do`.
 */
export const archiveJob: JobHandler<ArchiveParams> = {
  jobType: "git.registry.archive",

  plan(context, input): Promise<Outcome<Plan>> {
    const { params } = input;
    return runOnProject(context, params.project_id, async (repository) => {
      await context.completeStep("looked");
      const mark = checkArchiveMark(repository, params);
      if (!mark.ok) return mark;
      return grantValue(
        buildPlanWithoutCommits(context, input, {
          job_type: "git.registry.archive",
          refs: [{ name: ARCHIVED_REF, old: mark.value, new: params.archived ? null : ZERO_ID }],
        }),
      );
    });
  },

  execute(context, input): Promise<Outcome<Effects>> {
    const { params, jti } = input;
    return runOnProject(context, params.project_id, async (repository) => {
      const record = repository.state.refs.get(toActRef(jti));
      if (record !== undefined) {
        context.log("an earlier attempt had moved the mark");
        await context.completeStep("moved");
        return grantValue(buildArchiveEffects(toRefMove(params, record.id), 0));
      }
      await context.completeStep("looked");
      const mark = checkArchiveMark(repository, params);
      if (!mark.ok) return mark;
      await context.completeStep("fetched");
      const made = params.archived ? await commitNote(context, repository, input) : grantValue({ id: mark.value, stored_bytes: 0 });
      if (!made.ok) return made;
      const { id, stored_bytes } = made.value;
      const finished = await listFinishedActs(
        context.store,
        context.tenant_id,
        repository.state.refs,
        jti,
        repository.cache.memory.receipted,
      );
      await context.completeStep("stored");
      const move = toRefMove(params, id);
      const moved = await moveJobRefs(context, repository, { jti, refs: [move], act: { id }, finished });
      if (!moved.ok) return moved;
      context.log(params.archived ? `archived ${params.project_id}` : `${params.project_id} is archived no longer`);
      await context.completeStep("moved");
      return grantValue(buildArchiveEffects(move, stored_bytes));
    });
  },
};

/** Where the mark stands before the act; zeros where there is none. */
function checkArchiveMark(repository: OpenRepository, { project_id, archived }: ArchiveParams): Outcome<string> {
  const mark = repository.state.refs.get(ARCHIVED_REF)?.id ?? ZERO_ID;
  if ((mark === ZERO_ID) === archived) return grantValue(mark);
  return denyWith("nothing_to_do", archived ? `${project_id} is archived already.` : `${project_id} is not archived.`);
}

/** The commit that the mark points to, because a ref points to something: it says why. */
async function commitNote(
  context: JobContext,
  repository: OpenRepository,
  { params, permit }: ExecuteInput<ArchiveParams>,
): Promise<Outcome<{ id: string; stored_bytes: number }>> {
  async function* buildNoteFiles() {
    yield { path: "ARCHIVED", bytes: Buffer.from(`${params.reason}\n`, "utf8") };
  }
  const commit = { parent: undefined, files: buildNoteFiles(), message: `Archive ${params.project_id}\n`, iatMs: permit.iat };
  const made = await commitFiles(repository, commit, context.limits, context.signal);
  if (!made.ok) return made;
  const { tip, pack } = made.value;
  await context.completeStep("checked");
  return grantValue({ id: tip, stored_bytes: pack === undefined ? 0 : await storePack(repository, pack, context.signal) });
}

function toRefMove({ archived }: ArchiveParams, id: string): RefMove {
  return archived ? { name: ARCHIVED_REF, old: ZERO_ID, new: id } : { name: ARCHIVED_REF, old: id, new: ZERO_ID };
}

function buildArchiveEffects(move: RefMove, stored_bytes: number): Effects {
  return {
    refs: [move],
    commit: null,
    artifacts: [{ archived: move.new === ZERO_ID ? "no" : "yes" }],
    staged_bytes: 0,
    stored_bytes,
  };
}
