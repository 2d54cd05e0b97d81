import type { MergeProtectedParams, PinnedMergeParams } from "../../domain/act/job.js";
import { grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { toBranchRef } from "../../domain/git/ref-name.js";
import { checkMergeRefs, computeMergeChange, type MergeChange } from "../../planning/merge/merge-change.js";
import { fillMergeText } from "../../planning/merge/merge-message.js";
import { readMergeText } from "../../planning/merge/plan-merge.js";
import { runOnProject } from "../../planning/open-project.js";
import { packMerge } from "../../repository/objects/pack-merge.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import type { Effects, ExecuteInput, JobContext, JobHandler } from "./job.js";
import { type StoredPact, storePact } from "./merge-pact.js";
import { findEarlierMove, publishChange } from "./publish.js";

/** Merges one branch into another and stores the Pact, which states who decided it (ADR-002 §6, contracts "Jobs of the ADR"). */
export const mergeProtectedJob: JobHandler<MergeProtectedParams> = {
  execute(context, open): Promise<Outcome<Effects>> {
    const input = pinInput(open);
    return runOnProject(context, input.params.project_id, async (repository) => {
      const record = await findEarlierMove(context, repository, input.jti, "an earlier attempt had moved the target");
      if (record !== undefined)
        return attestMerge(context, repository, input, record.id, { previous_act: record.previous_act, stored_bytes: 0 });
      await context.completeStep("looked");
      const misplaced = checkMergeRefs(repository, input.params);
      if (misplaced !== undefined) return wrapDenial(misplaced);
      await context.completeStep("fetched");
      const change = await computeMergeChange(context, repository, input.params);
      if (!change.ok) return change;
      await context.completeStep("checked");
      return publishMerge(context, repository, input, change.value);
    });
  },
};

function pinInput(input: ExecuteInput<MergeProtectedParams>): ExecuteInput<PinnedMergeParams> {
  const { expected_target = input.pinned_target } = input.params;
  if (expected_target === undefined) throw new TypeError("The claim of this merge does not say where its target was; this is a bug.");
  return { ...input, params: { ...input.params, expected_target } };
}

async function publishMerge(
  context: JobContext,
  repository: OpenRepository,
  input: ExecuteInput<PinnedMergeParams>,
  change: MergeChange,
): Promise<Outcome<Effects>> {
  const { source, target, expected_source, expected_target } = input.params;
  const created = await makeMergeTip(context, repository, input, change);
  if (!created.ok) return created;
  const { id, pack } = created.value;
  context.log(`moves ${target} from ${expected_target} to ${id}, from ${source} at ${expected_source}`);
  const published = await publishChange(context, repository, {
    jti: input.jti,
    pack,
    refs: [
      { name: toBranchRef(target), old: expected_target, new: id },
      // Does not move the source, but makes the same write fail if the source is no longer where the plan saw it.
      { name: toBranchRef(source), old: expected_source, new: expected_source },
    ],
    act: { id },
    logCommit: id,
  });
  return published.ok ? attestMerge(context, repository, input, id, published.value) : published;
}

/** Returns the commit that the target will point to, with a pack if the merge creates it. */
async function makeMergeTip(
  context: JobContext,
  repository: OpenRepository,
  input: ExecuteInput<PinnedMergeParams>,
  change: MergeChange,
): ReturnType<typeof packMerge> {
  const { params, making } = input;
  const { expected_source, expected_target } = params;
  if (change.kind === "move") return grantValue({ id: expected_source, pack: undefined });
  const text = fillMergeText(await readMergeText(context, repository, params), input);
  const commit = { tree: change.tree, parents: change.parents, text };
  const created = await packMerge(repository, commit, [expected_source, expected_target], making, context.limits);
  if (created.ok) context.log(`created commit ${created.value.id} of tree ${change.tree}`);
  return created;
}

/** Stores the Pact of a merge that has happened. */
async function attestMerge(
  context: JobContext,
  repository: OpenRepository,
  input: ExecuteInput<PinnedMergeParams>,
  commit: string,
  { previous_act, stored_bytes }: Pick<Effects, "previous_act" | "stored_bytes">,
): Promise<Outcome<Effects>> {
  const pact = await storePact(context, repository, input, commit);
  await context.completeStep("attested");
  return grantValue(buildMergeEffects(input.params, commit, pact, { previous_act, stored_bytes: stored_bytes + pact.sizeBytes }));
}

function buildMergeEffects(
  params: PinnedMergeParams,
  commit: string,
  pact: StoredPact,
  { previous_act, stored_bytes }: Pick<Effects, "previous_act" | "stored_bytes">,
): Effects {
  const { source, target, expected_source, expected_target, strategy } = params;
  return {
    refs: [{ name: toBranchRef(target), old: expected_target, new: commit }],
    previous_act,
    commit,
    artifacts: [
      // The source's commits were introduced by pushes. The merge adds at most its own commit.
      { branch: target, commit, source, merged: expected_source, strategy, brought: commit === expected_source ? [] : [commit] },
      { pact: pact.key, blake3: pact.blake3 },
    ],
    staged_bytes: 0,
    stored_bytes,
  };
}
