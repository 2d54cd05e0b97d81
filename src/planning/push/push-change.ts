import { EMPTY_PATCH_HASH, type PushParams } from "../../domain/act/job.js";
import { denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toBranchRef } from "../../domain/git/ref-name.js";
import { countIncomingBytes, type IncomingBytes } from "../../repository/incoming/incoming-bytes.js";
import { type CheckedPush, ingestPush } from "../../repository/incoming/ingest-push.js";
import type { Making } from "../../repository/objects/making.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { checkRefMoves } from "../../repository/refs/move-problem.js";
import type { PlanningContext } from "../context.js";
import { readSubjectBytes } from "../subject-bytes.js";

/** A checked push that is not visible yet. */
export type PushChange =
  | { readonly kind: "delete"; readonly ref: string; readonly old: string; readonly staged_bytes: 0 }
  | { readonly kind: "update"; readonly ref: string; readonly old: string; readonly push: CheckedPush; readonly staged_bytes: number };

/** Checks the position of the branch and fetches the pushed bytes. Returns undefined for a deletion, which has none. */
export async function fetchPush(
  context: PlanningContext,
  repository: OpenRepository,
  params: PushParams,
): Promise<Outcome<IncomingBytes | undefined>> {
  const ref = toBranchRef(params.branch);
  const { refs } = repository.state;
  if (params.delete && !refs.has(ref)) return denyWith("ref_missing", `${ref} does not exist; there is nothing to delete.`);
  const problem = checkRefMoves(refs, [{ name: ref, old: params.expected_old, new: params.delete ? ZERO_ID : "" }]);
  if (problem !== undefined) return wrapDenial(problem);
  if (!params.delete) return readSubjectBytes(context, params, repository);
  if (params.subject_hash === EMPTY_PATCH_HASH) return grantValue(undefined);
  return denyWith("subject_hash_mismatch", `A deletion has no bytes, so params.subject_hash must be ${EMPTY_PATCH_HASH}.`);
}

/** Checks fetched bytes. Planning and execution both call this, so the approved change is the one that runs. */
export async function checkPush(
  context: PlanningContext,
  repository: OpenRepository,
  params: PushParams,
  incoming: IncomingBytes | undefined,
  making: Making,
): Promise<Outcome<PushChange>> {
  const { branch, expected_old: old, commit_summary, force = false } = params;
  const ref = toBranchRef(branch);
  if (incoming === undefined) return grantValue({ kind: "delete", ref, old, staged_bytes: 0 });
  const push = await ingestPush(repository, { incoming, old, commit_summary, making, force }, context.limits, context.readGitKeys);
  return push.ok ? grantValue({ kind: "update", ref, old, push: push.value, staged_bytes: countIncomingBytes(incoming) }) : push;
}

/** Returns the id that the branch points to after the push; zeros if it is deleted. */
export function toNextTip(change: PushChange): string {
  return change.kind === "delete" ? ZERO_ID : change.push.tip;
}
