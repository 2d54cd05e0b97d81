import type { ArchiveParams } from "../../domain/act/job.js";
import { grantValue, type Outcome } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import type { RefMove } from "../../domain/git/ref-move.js";
import { ARCHIVED_REF } from "../../domain/git/ref-name.js";
import { runOnProject } from "../../planning/open-project.js";
import { checkArchiveMark, commitMark } from "../../planning/plan-archive.js";
import type { Effects, JobHandler } from "./job.js";
import { findEarlierMove, publishChange } from "./publish.js";

/**
 * Makes a project read-only, or writable again. The mark is a hidden ref in the object that holds all refs, so a write that archives and
 * a concurrent write that moves a branch cannot both succeed (contracts "Jobs beyond the ADR's four").
 */
export const archiveJob: JobHandler<ArchiveParams> = {
  execute(context, input): Promise<Outcome<Effects>> {
    const { params, jti, making } = input;
    return runOnProject(context, params.project_id, async (repository) => {
      const record = await findEarlierMove(context, repository, jti, "an earlier attempt had moved the mark");
      if (record !== undefined) return grantValue(buildArchiveEffects(toRefMove(params, record.id), record.previous_act, 0));
      await context.completeStep("looked");
      const mark = checkArchiveMark(repository, params);
      if (!mark.ok) return mark;
      await context.completeStep("fetched");
      const note = params.archived
        ? await commitMark(context, repository, params, making)
        : grantValue({ tip: mark.value, pack: undefined });
      if (!note.ok) return note;
      if (params.archived) await context.completeStep("checked");
      const { tip, pack } = note.value;
      const move = toRefMove(params, tip);
      const published = await publishChange(context, repository, { jti, pack, refs: [move], act: { id: tip } });
      if (!published.ok) return published;
      context.log(params.archived ? `archived ${params.project_id}` : `unarchived ${params.project_id}`);
      return grantValue(buildArchiveEffects(move, published.value.previous_act, published.value.stored_bytes));
    });
  },
};

function toRefMove({ archived }: ArchiveParams, id: string): RefMove {
  return archived ? { name: ARCHIVED_REF, old: ZERO_ID, new: id } : { name: ARCHIVED_REF, old: id, new: ZERO_ID };
}

function buildArchiveEffects(move: RefMove, previous_act: string | null, stored_bytes: number): Effects {
  const archived = move.new === ZERO_ID ? "no" : "yes";
  return { refs: [move], previous_act, commit: null, artifacts: [{ archived }], staged_bytes: 0, stored_bytes };
}
