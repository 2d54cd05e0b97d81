import type { TagReleaseParams } from "../../domain/act/job.js";
import { PLAN_COMMITS_MAX, type Plan } from "../../domain/act/plan.js";
import { denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toActRef, toTagRef } from "../../domain/git/ref-name.js";
import { toReleaseManifestKey } from "../../domain/storage-key.js";
import { listPushedBefore } from "../../planning/introduced-commits.js";
import type { Effects, JobContext, JobHandler } from "../../planning/job.js";
import { runOnKnownProject, runOnProject } from "../../planning/open-project.js";
import { isOnBranch } from "../../repository/history/ancestry.js";
import { checkArchiveSize } from "../../repository/history/archive-size.js";
import { NO_DIFF, readHistory } from "../../repository/history/history.js";
import { packTag } from "../../repository/objects/pack-tag.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { listFinishedActs } from "../../repository/refs/finished-acts.js";
import { checkRefMoves } from "../../repository/refs/move-problem.js";
import { storePack } from "../git/store-pack.js";
import { moveJobRefs } from "./move-job-refs.js";
import { writeRelease } from "./release-manifest.js";

/**
 * Makes an annotated tag of a commit that a branch reaches, and from its receipt the release's manifest (ADR-002 §6, contracts "Jobs of
 * the ADR"). Denials: `project_unknown`, `ref_exists`, `ref_conflict`, `commit_unreachable`,
 * `limit_exceeded`.
 */
export const tagReleaseJob: JobHandler<TagReleaseParams> = {
  jobType: "git.registry.tag_release",

  plan(context, input): Promise<Outcome<Plan>> {
    const { params } = input;
    return runOnProject(context, params.project_id, async (repository) => {
      await context.completeStep("looked");
      const refusal = await checkTag(context, repository, params);
      if (refusal !== undefined) return refusal;
      // What a release brings is what no earlier tag has: those commits' authors and pushers do not approve it themselves.
      const history = await readHistory(repository, [params.commit, "--not", "--tags"], PLAN_COMMITS_MAX, context.signal);
      return grantValue({
        basis: {
          tenant_id: context.tenant_id,
          project_id: params.project_id,
          job_type: "git.registry.tag_release",
          target: input.target,
          params,
          refs: [{ name: toTagRef(params.tag), old: ZERO_ID, new: null }],
          creates: [{ kind: "tag", object: params.commit, tag: params.tag, message: toTagMessage(params) }],
          policy_hash: input.policy_hash,
          infra: input.infra,
        },
        fast_forward: null,
        commit_count: history.count,
        commits: [...history.commits],
        author_emails: [...history.author_emails],
        pushed_before: await listPushedBefore(repository, history.ids),
        diffstat: NO_DIFF,
      });
    });
  },

  execute(context, input): Promise<Outcome<Effects>> {
    const { params, jti } = input;
    return runOnProject(context, params.project_id, async (repository) => {
      const record = repository.state.refs.get(toActRef(jti));
      if (record !== undefined) {
        context.log("an earlier attempt had made the tag");
        await context.completeStep("moved");
        return grantValue(buildTagEffects(context, params, record.id, 0));
      }
      await context.completeStep("looked");
      const refusal = await checkTag(context, repository, params);
      if (refusal !== undefined) return refusal;
      await context.completeStep("fetched");
      const message = toTagMessage(params);
      const tag = await packTag(
        repository,
        { name: params.tag, commit: params.commit, message },
        input.permit.iat,
        context.limits,
        context.signal,
      );
      if (!tag.ok) return tag;
      const { id, pack } = tag.value;
      context.log(`made tag object ${id}`);
      await context.completeStep("checked");
      const [stored_bytes, finished] = await Promise.all([
        pack === undefined ? 0 : storePack(repository, pack, context.signal),
        listFinishedActs(context.store, context.tenant_id, repository.state.refs, jti, repository.cache.memory.receipted),
      ]);
      await context.completeStep("stored");
      const target = { id, peeled: params.commit };
      const move = { name: toTagRef(params.tag), old: ZERO_ID, new: id, peeled: params.commit };
      const moved = await moveJobRefs(context, repository, { jti, refs: [move], act: target, finished });
      if (!moved.ok) return moved;
      context.log(`tagged ${params.commit} as ${params.tag}`);
      await context.completeStep("moved");
      return grantValue(buildTagEffects(context, params, id, stored_bytes));
    });
  },

  async derive(context, input) {
    await runOnKnownProject(context, input.params.project_id, input.jti, (repository) => writeRelease(context, repository, input));
  },
};

async function checkTag(context: JobContext, repository: OpenRepository, { tag, commit }: TagReleaseParams) {
  const refusal = checkRefMoves(repository.state.refs, [{ name: toTagRef(tag), old: ZERO_ID, new: "" }]);
  if (refusal !== undefined) return wrapDenial(refusal);
  // A reset takes the tag away and leaves its manifest, which is never replaced: another release of that name would be told by it.
  if ((await context.store.blobs.stat(toReleaseManifestKey(context.tenant_id, repository.name.project_id, tag))) !== undefined)
    return denyWith("ref_exists", `${tag} was released before the project was reset, and its manifest stands. Choose another tag.`);
  const object = await repository.getReader().readInfo(commit);
  if (object?.type !== "commit" || !(await isOnBranch(repository, commit, context.signal)))
    return denyWith(
      "commit_unreachable",
      `No branch of ${repository.name.project_id} reaches commit ${commit}. Push it first, or name a commit that was pushed.`,
    );
  const tooLarge = await checkArchiveSize(repository, commit, context.limits.archiveMaxBytes, context.signal);
  return tooLarge === undefined ? undefined : wrapDenial(tooLarge);
}

/** The notes, or the tag's name when there are none; git ends a message with a line end. */
function toTagMessage({ tag, notes }: TagReleaseParams): string {
  const text = notes.trim() === "" ? tag : notes;
  return text.endsWith("\n") ? text : `${text}\n`;
}

function buildTagEffects(context: JobContext, params: TagReleaseParams, tagObject: string, stored_bytes: number): Effects {
  return {
    refs: [{ name: toTagRef(params.tag), old: ZERO_ID, new: tagObject }],
    commit: params.commit,
    artifacts: [
      {
        tag: params.tag,
        tag_object: tagObject,
        commit: params.commit,
        manifest: toReleaseManifestKey(context.tenant_id, params.project_id, params.tag),
      },
    ],
    staged_bytes: 0,
    stored_bytes,
  };
}
