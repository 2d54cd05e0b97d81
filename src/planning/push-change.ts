import { EMPTY_PATCH_HASH, type PushParams } from "../domain/act/job.js";
import { denyWith, grantValue, type Outcome, wrapDenial } from "../domain/denial.js";
import { ZERO_ID } from "../domain/git/git-id.js";
import { toBranchRef } from "../domain/git/ref-name.js";
import { countIncomingBytes } from "../repository/incoming/incoming-bytes.js";
import { type CheckedPush, ingestPush } from "../repository/incoming/ingest-push.js";
import type { OpenRepository } from "../repository/open-repository.js";
import { checkRefMoves } from "../repository/refs/move-problem.js";
import type { JobContext } from "./job.js";
import { readSubjectBytes } from "./subject-bytes.js";

/** What a push will do, worked out and checked, nothing visible yet. */
export type PushChange =
  | { readonly kind: "delete"; readonly ref: string; readonly old: string; readonly staged_bytes: 0 }
  | { readonly kind: "update"; readonly ref: string; readonly old: string; readonly push: CheckedPush; readonly staged_bytes: number };

/** The same for plan and execute, so that what was approved is what runs. */
export async function preparePushChange(
  context: JobContext,
  repository: OpenRepository,
  params: PushParams,
  iatMs: number,
): Promise<Outcome<PushChange>> {
  const ref = toBranchRef(params.branch);
  const old = params.expected_old;
  const deletes = params.delete === true;
  const current = repository.state.refs.get(ref)?.id;
  if (deletes && current === undefined) return denyWith("ref_missing", `${ref} does not exist; there is nothing to delete.`);
  const refusal = checkRefMoves(repository.state.refs, [{ name: ref, old, new: deletes ? ZERO_ID : "" }]);
  if (refusal !== undefined) return wrapDenial(refusal);
  if (deletes) {
    if (params.subject_hash !== EMPTY_PATCH_HASH)
      return denyWith("subject_hash_mismatch", `A deletion has no bytes: params.subject_hash is ${EMPTY_PATCH_HASH} then.`);
    await context.completeStep("fetched");
    await context.completeStep("checked");
    return grantValue({ kind: "delete", ref, old, staged_bytes: 0 });
  }

  const incoming = await readSubjectBytes(context, params, repository);
  if (!incoming.ok) return incoming;
  const staged_bytes = countIncomingBytes(incoming.value);
  context.log(`fetched ${staged_bytes} bytes with BLAKE3 ${params.subject_hash}`);
  await context.completeStep("fetched");

  const request = { incoming: incoming.value, old, commit_summary: params.commit_summary, iatMs, force: params.force === true };
  const push = await ingestPush(repository, request, context.limits, context.signal);
  if (!push.ok) return push;
  context.log(
    `checked ${push.value.tip}: ${push.value.pack === undefined ? "every object is stored already" : `${push.value.pack.index.count} objects`}`,
  );
  await context.completeStep("checked");
  return grantValue({ kind: "update", ref, old, push: push.value, staged_bytes });
}
