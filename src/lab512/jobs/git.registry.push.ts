import type { PushParams } from "../../domain/act/job.js";
import { grantValue, type Outcome } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toBranchRef } from "../../domain/git/ref-name.js";
import { toStagingKey } from "../../domain/storage-key.js";
import { runOnProject } from "../../planning/open-project.js";
import { checkPush, fetchPush, type PushChange, toNextTip } from "../../planning/push/push-change.js";
import { countIncomingBytes } from "../../repository/incoming/incoming-bytes.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { listIntroducedCommits } from "./introduced-commits.js";
import type { Effects, ExecuteInput, JobContext, JobHandler } from "./job.js";
import { type EarlierMove, findEarlierMove, publishChange } from "./publish.js";

/** Moves one branch by a bundle, a diff or a format-patch series, or deletes it (ADR-002 §6, contracts "Jobs of the ADR"). */
export const pushJob: JobHandler<PushParams> = {
  execute(context, input): Promise<Outcome<Effects>> {
    const { params, jti, making } = input;
    return runOnProject(context, params.project_id, async (repository) => {
      const record = await findEarlierMove(context, repository, jti, "an earlier attempt had moved the refs");
      if (record !== undefined) return grantValue(await buildEarlierEffects(context, params, record));
      await context.completeStep("looked");
      const fetched = await fetchPush(context, repository, params);
      if (!fetched.ok) return fetched;
      const incoming = fetched.value;
      if (incoming !== undefined) context.log(`fetched ${countIncomingBytes(incoming)} bytes with BLAKE3 ${params.subject_hash}`);
      await context.completeStep("fetched");
      const change = await checkPush(context, repository, params, incoming, making);
      if (!change.ok) return change;
      if (change.value.kind === "update") context.log(`checked ${change.value.push.tip}: ${describePack(change.value)}`);
      await context.completeStep("checked");
      return publishPush(context, repository, input, change.value);
    });
  },
};

function describePack({ push: { pack } }: Extract<PushChange, { kind: "update" }>): string {
  return pack === undefined ? "every object is stored already" : `${pack.index.count} objects`;
}

async function publishPush(
  context: JobContext,
  repository: OpenRepository,
  { jti, params }: ExecuteInput<PushParams>,
  change: PushChange,
): Promise<Outcome<Effects>> {
  const { ref, old, staged_bytes } = change;
  const next = toNextTip(change);
  const isDeletion = change.kind === "delete";
  const pack = isDeletion ? undefined : change.push.pack;
  const brought = isDeletion ? undefined : await listIntroducedCommits(repository, change.push);
  if (pack !== undefined) context.log(`stores pack-${pack.hash} (${pack.packSizeBytes + pack.indexSizeBytes} bytes)`);
  context.log(`moves ${ref} from ${old} to ${next}`);
  const published = await publishChange(context, repository, {
    jti,
    pack,
    refs: [{ name: ref, old, new: next }],
    act: { id: isDeletion ? old : next },
    logCommit: isDeletion ? null : next,
  });
  if (!published.ok) return published;
  const { from, previous_act, stored_bytes } = published.value;
  // `brought` is certain only if all packs of the replaced refs were on disk; otherwise another act may have added the same commits.
  const isCertain = from !== undefined && repository.cache.memory.versionsOnDisk.has(from) && !context.isTakenOver;
  return grantValue(buildPushEffects(params, next, { previous_act, staged_bytes, stored_bytes }, isCertain ? brought : undefined));
}

/** Builds the effects of an earlier attempt from its record and the moves since. */
async function buildEarlierEffects({ store, tenant_id }: JobContext, params: PushParams, record: EarlierMove): Promise<Effects> {
  const staged = params.patch === undefined ? await store.blobs.stat(toStagingKey(tenant_id, params.subject_hash)) : undefined;
  const staged_bytes = params.patch === undefined ? (staged?.sizeBytes ?? 0) : Buffer.byteLength(params.patch, "base64");
  // Usage is that of the finishing attempt, and this one stored nothing.
  const rest = { previous_act: record.previous_act, staged_bytes, stored_bytes: 0 };
  return buildPushEffects(params, params.delete === true ? ZERO_ID : record.id, rest);
}

/** `brought` is undefined if there are too many commits or an earlier attempt had moved the refs. */
function buildPushEffects(
  { branch, expected_old }: PushParams,
  next: string,
  rest: Pick<Effects, "previous_act" | "staged_bytes" | "stored_bytes">,
  brought?: readonly string[],
): Effects {
  const pushed = { branch, commit: next, ...(brought === undefined ? {} : { brought }) };
  return {
    refs: [{ name: toBranchRef(branch), old: expected_old, new: next }],
    commit: next === ZERO_ID ? null : next,
    artifacts: [next === ZERO_ID ? { branch, deleted: expected_old } : pushed],
    ...rest,
  };
}
