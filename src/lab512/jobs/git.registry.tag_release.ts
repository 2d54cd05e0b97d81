import type { TagReleaseParams } from "../../domain/act/job.js";
import { grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toTagRef } from "../../domain/git/ref-name.js";
import { toReleaseManifestKey } from "../../domain/storage-key.js";
import { runOnProject } from "../../planning/open-project.js";
import { checkTag, toTagMessage } from "../../planning/plan-tag-release.js";
import { packTag } from "../../repository/objects/pack-tag.js";
import type { Effects, JobContext, JobHandler } from "./job.js";
import { findEarlierMove, publishChange } from "./publish.js";
import { runOnReceiptedProject } from "./receipted-project.js";
import { writeRelease } from "./release-manifest.js";

/**
 * Creates an annotated tag of a commit that a branch reaches, and derives the release's manifest from its receipt (ADR-002 §6, contracts
 * "Jobs of the ADR").
 */
export const tagReleaseJob: JobHandler<TagReleaseParams> = {
  execute(context, input): Promise<Outcome<Effects>> {
    const { params, jti, making } = input;
    const { tag, commit } = params;
    return runOnProject(context, params.project_id, async (repository) => {
      const record = await findEarlierMove(context, repository, jti, "an earlier attempt had created the tag");
      if (record !== undefined)
        return grantValue(buildTagEffects(context, params, record.id, { previous_act: record.previous_act, stored_bytes: 0 }));
      await context.completeStep("looked");
      const denial = await checkTag(context, repository, params);
      if (denial !== undefined) return wrapDenial(denial);
      await context.completeStep("fetched");
      const text = { name: tag, commit, message: toTagMessage(params) };
      const created = await packTag(repository, text, making, context.limits);
      if (!created.ok) return created;
      const { id, pack } = created.value;
      context.log(`created tag object ${id}`);
      await context.completeStep("checked");
      const refs = [{ name: toTagRef(tag), old: ZERO_ID, new: id, peeled: commit }];
      const published = await publishChange(context, repository, { jti, pack, refs, act: { id, peeled: commit } });
      if (!published.ok) return published;
      context.log(`tagged ${commit} as ${tag}`);
      return grantValue(buildTagEffects(context, params, id, published.value));
    });
  },

  derive(context, input) {
    return runOnReceiptedProject(context, input.params.project_id, input.jti, (repository) => writeRelease(context, repository, input));
  },
};

function buildTagEffects(
  { tenant_id }: JobContext,
  params: TagReleaseParams,
  tagObject: string,
  { previous_act, stored_bytes }: Pick<Effects, "previous_act" | "stored_bytes">,
): Effects {
  const { tag, commit, project_id } = params;
  return {
    refs: [{ name: toTagRef(tag), old: ZERO_ID, new: tagObject }],
    previous_act,
    commit,
    artifacts: [{ tag, tag_object: tagObject, commit, manifest: toReleaseManifestKey(tenant_id, project_id, tag) }],
    staged_bytes: 0,
    stored_bytes,
  };
}
