import type { PushParams } from "../../domain/act/job.js";
import type { Plan } from "../../domain/act/plan.js";
import { grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toActRef, toBranchRef } from "../../domain/git/ref-name.js";
import { toStagingKey } from "../../domain/storage-key.js";
import { listIntroducedCommits } from "../../planning/introduced-commits.js";
import type { Effects, ExecuteInput, JobContext, JobHandler } from "../../planning/job.js";
import { checkInfraRegistry } from "../../planning/kept-registry.js";
import { runOnProject } from "../../planning/open-project.js";
import { type PushChange, preparePushChange } from "../../planning/push-change.js";
import { buildPushPlan } from "../../planning/push-plan.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { listFinishedActs } from "../../repository/refs/finished-acts.js";
import type { Refs } from "../../repository/refs/packed-refs.js";
import { storePack } from "../git/store-pack.js";
import { moveJobRefs } from "./move-job-refs.js";

/**
 * Moves one branch by a bundle, a diff or a format-patch series, or deletes it (ADR-002 §6, contracts "Jobs of the ADR"). Denials: those
 * of the ingest, `project_unknown`, `staged_bytes_missing`, `subject_hash_mismatch`, `ref_moved`, `ref_missing`, `ref_conflict`,
 * `infra_invalid`.
 */
export const pushJob: JobHandler<PushParams> = {
  jobType: "git.registry.push",

  plan(context, input): Promise<Outcome<Plan>> {
    return runOnProject(context, input.params.project_id, async (repository) => {
      // The plan names neither ids nor dates that come from the permit, so any instant does.
      const change = await preparePushChange(context, repository, input.params, 0);
      if (!change.ok) return change;
      const { ref, old } = change.value;
      const next = change.value.kind === "delete" ? ZERO_ID : change.value.push.tip;
      const refused = await checkInfraRegistry(context, repository, [{ name: ref, old, new: next }]);
      return refused === undefined ? buildPushPlan(context, repository, input, change.value) : wrapDenial(refused);
    });
  },

  execute(context, input): Promise<Outcome<Effects>> {
    return runOnProject(context, input.params.project_id, async (repository) => {
      const earlier = await findEarlierEffects(context, input, repository.state.refs);
      if (earlier !== undefined) return earlier;
      await context.completeStep("looked");
      const change = await preparePushChange(context, repository, input.params, input.permit.iat);
      return change.ok ? publishPush(context, repository, input, change.value) : change;
    });
  },
};

/** Stores the objects, then moves the branch and records the act, by one conditional write. */
async function publishPush(
  context: JobContext,
  repository: OpenRepository,
  input: ExecuteInput<PushParams>,
  change: PushChange,
): Promise<Outcome<Effects>> {
  const pack = change.kind === "update" ? change.push.pack : undefined;
  const next = change.kind === "delete" ? ZERO_ID : change.push.tip;
  const brought = change.kind === "update" ? await listIntroducedCommits(repository, change.push) : undefined;
  if (pack !== undefined) context.log(`stores pack-${pack.hash} (${pack.packSizeBytes + pack.indexSizeBytes} bytes)`);
  context.log(`moves ${change.ref} from ${change.old} to ${next}`);
  // The log is complete before the branch moves: whether it did, the receipt says.
  const [stored_bytes, finished] = await Promise.all([
    pack === undefined ? 0 : storePack(repository, pack, context.signal),
    listFinishedActs(context.store, context.tenant_id, repository.state.refs, input.jti, repository.cache.memory.receipted),
    context.keepLog(next === ZERO_ID ? null : next),
  ]);
  await context.completeStep("stored");
  const moved = await moveJobRefs(context, repository, {
    jti: input.jti,
    refs: [{ name: change.ref, old: change.old, new: next }],
    act: { id: change.kind === "delete" ? change.old : next },
    finished,
  });
  if (!moved.ok) return moved;
  await context.completeStep("moved");
  // What was looked at has to be what was moved from, with every pack here: else somebody may have brought the same meanwhile.
  const { from } = moved.value;
  const isSure = from !== undefined && repository.cache.memory.isVersionOnDisk(from) && !context.isTakenOver;
  return grantValue(buildPushEffects(input.params, next, change.staged_bytes, stored_bytes, isSure ? brought : undefined));
}

/** What an earlier attempt of this act did, by its record, whatever moved since; undefined when there was none. */
async function findEarlierEffects(
  context: JobContext,
  { jti, params }: ExecuteInput<PushParams>,
  refs: Refs,
): Promise<Outcome<Effects> | undefined> {
  const record = refs.get(toActRef(jti));
  if (record === undefined) return undefined;
  context.log("an earlier attempt had moved the refs");
  await context.completeStep("moved");
  // Usage is that of the attempt that finishes: this one stored nothing.
  const staged =
    params.patch === undefined ? await context.store.blobs.stat(toStagingKey(context.tenant_id, params.subject_hash)) : undefined;
  const staged_bytes = params.patch === undefined ? (staged?.sizeBytes ?? 0) : Buffer.byteLength(params.patch, "base64");
  return grantValue(buildPushEffects(params, params.delete === true ? ZERO_ID : record.id, staged_bytes, 0));
}

/** `brought` is undefined where the commits are too many, or an earlier attempt had moved the refs and nobody knows any more. */
function buildPushEffects(
  params: PushParams,
  next: string,
  staged_bytes: number,
  stored_bytes: number,
  brought?: readonly string[],
): Effects {
  const { branch, expected_old } = params;
  const pushed = { branch, commit: next, ...(brought === undefined ? {} : { brought }) };
  return {
    refs: [{ name: toBranchRef(branch), old: expected_old, new: next }],
    commit: next === ZERO_ID ? null : next,
    artifacts: [next === ZERO_ID ? { branch, deleted: expected_old } : pushed],
    staged_bytes,
    stored_bytes,
  };
}
