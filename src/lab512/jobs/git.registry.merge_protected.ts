import type { MergeProtectedParams } from "../../domain/act/job.js";
import type { Plan } from "../../domain/act/plan.js";
import { grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { toActRef, toBranchRef } from "../../domain/git/ref-name.js";
import type { Effects, ExecuteInput, JobContext, JobHandler } from "../../planning/job.js";
import { checkInfraRegistry } from "../../planning/kept-registry.js";
import { type MergeChange, prepareMerge } from "../../planning/merge/merge-change.js";
import { buildMergeText, buildSquashText, fillMergeText } from "../../planning/merge/merge-message.js";
import { buildMergePlan, readMergedHistory } from "../../planning/merge/merge-plan.js";
import { runOnProject } from "../../planning/open-project.js";
import { packMerge } from "../../repository/objects/pack-merge.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { listFinishedActs } from "../../repository/refs/finished-acts.js";
import { storePack } from "../git/store-pack.js";
import { type StoredPact, storePact } from "./merge-pact.js";
import { moveJobRefs } from "./move-job-refs.js";

/**
 * Merges one branch of a project into another, and stores the Pact that says by whose decision (ADR-002 §6, contracts "Jobs of the ADR").
 * Denials: `project_unknown`, `ref_missing`, `ref_moved`, `ref_conflict`, `unrelated_histories`, `nothing_to_do`, `not_fast_forward`,
 * `merge_conflict`, `infra_invalid`, `limit_exceeded`.
 */
export const mergeProtectedJob: JobHandler<MergeProtectedParams> = {
  jobType: "git.registry.merge_protected",

  plan(context, input): Promise<Outcome<Plan>> {
    return runOnProject(context, input.params.project_id, async (repository) => {
      await context.completeStep("looked");
      const change = await prepareMerge(context, repository, input.params);
      if (!change.ok) return change;
      const { target, expected_source, expected_target } = input.params;
      const next = change.value.kind === "move" ? expected_source : change.value.tree;
      const refused = await checkInfraRegistry(context, repository, [{ name: toBranchRef(target), old: expected_target, new: next }]);
      return refused === undefined ? buildMergePlan(context, repository, input, change.value) : wrapDenial(refused);
    });
  },

  execute(context, input): Promise<Outcome<Effects>> {
    return runOnProject(context, input.params.project_id, async (repository) => {
      const record = repository.state.refs.get(toActRef(input.jti));
      if (record !== undefined) {
        context.log("an earlier attempt had moved the target");
        await context.completeStep("moved");
        return attestMerge(context, repository, input, record.id, 0);
      }
      await context.completeStep("looked");
      const change = await prepareMerge(context, repository, input.params);
      return change.ok ? publishMerge(context, repository, input, change.value) : change;
    });
  },
};

/** Stores the objects, moves the target and records the act by one conditional write, then stores the Pact. */
async function publishMerge(
  context: JobContext,
  repository: OpenRepository,
  input: ExecuteInput<MergeProtectedParams>,
  change: MergeChange,
): Promise<Outcome<Effects>> {
  const { source, target, expected_source, expected_target } = input.params;
  const made = await resolveMergeTip(context, repository, input, change);
  if (!made.ok) return made;
  const { id, pack } = made.value;
  context.log(`moves ${target} from ${expected_target} to ${id}, from ${source} at ${expected_source}`);
  // The log is complete before the target moves: whether it did, the receipt says.
  const [stored_bytes, finished] = await Promise.all([
    pack === undefined ? 0 : storePack(repository, pack, context.signal),
    listFinishedActs(context.store, context.tenant_id, repository.state.refs, input.jti, repository.cache.memory.receipted),
    context.keepLog(id),
  ]);
  await context.completeStep("stored");
  const moved = await moveJobRefs(context, repository, {
    jti: input.jti,
    refs: [
      { name: toBranchRef(target), old: expected_target, new: id },
      // The source stays; that it still stands there is proved by the same write.
      { name: toBranchRef(source), old: expected_source, new: expected_source },
    ],
    act: { id },
    finished,
  });
  if (!moved.ok) return moved;
  await context.completeStep("moved");
  return attestMerge(context, repository, input, id, stored_bytes);
}

/** The commit that the target will point to, and a pack where it has to be made. */
async function resolveMergeTip(
  context: JobContext,
  repository: OpenRepository,
  input: ExecuteInput<MergeProtectedParams>,
  change: MergeChange,
): ReturnType<typeof packMerge> {
  const { params, permit } = input;
  const { expected_source, expected_target } = params;
  if (change.kind === "move") return grantValue({ id: expected_source, pack: undefined });
  const text =
    params.strategy === "squash" ? buildSquashText(params, await readMergedHistory(context, repository, params)) : buildMergeText(params);
  const commit = { tree: change.tree, parents: change.parents, text: fillMergeText(text, input) };
  const made = await packMerge(repository, commit, [expected_source, expected_target], permit.iat, context.limits, context.signal);
  if (made.ok) context.log(`made commit ${made.value.id} of tree ${change.tree}`);
  return made;
}

/** The merge has happened: its Pact, and what the receipt says of both. */
async function attestMerge(
  context: JobContext,
  repository: OpenRepository,
  input: ExecuteInput<MergeProtectedParams>,
  commit: string,
  stored_bytes: number,
): Promise<Outcome<Effects>> {
  const pact = await storePact(context, repository, input, commit);
  await context.completeStep("attested");
  return grantValue(buildMergeEffects(input.params, commit, pact, stored_bytes + pact.sizeBytes));
}

function buildMergeEffects(params: MergeProtectedParams, commit: string, pact: StoredPact, stored_bytes: number): Effects {
  const { source, target, expected_source, expected_target, strategy } = params;
  return {
    refs: [{ name: toBranchRef(target), old: expected_target, new: commit }],
    commit,
    artifacts: [
      // The source's commits were brought by pushes; the merge brings at most its own.
      { branch: target, commit, source, merged: expected_source, strategy, brought: commit === expected_source ? [] : [commit] },
      { pact: pact.key, blake3: pact.blake3 },
    ],
    staged_bytes: 0,
    stored_bytes,
  };
}
