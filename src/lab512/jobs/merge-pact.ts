import type { PinnedMergeParams } from "../../domain/act/job.js";
import { buildPact, sealPact, toPactBytes } from "../../domain/act/pact.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import { toPactKey } from "../../domain/storage-key.js";
import { buildMergePredicate } from "../../planning/merge/merge-predicate.js";
import { readCommitLinks } from "../../repository/objects/object-source.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { createBlob } from "../../storage/settled-write.js";
import type { ExecuteInput, JobContext } from "./job.js";

/** A Pact in the object store. */
export interface StoredPact {
  readonly key: string;
  readonly blake3: string;
  readonly sizeBytes: number;
}

/**
 * Stores the Pact of a merge. Must be called only after the target moved, so that no evidence exists for a merge that did not happen. The
 * Pact is derived from the command alone, so a retry stores the same bytes. An existing Pact, perhaps signed by an earlier key of the
 * Runner, is kept.
 */
export async function storePact(
  context: JobContext,
  repository: OpenRepository,
  input: ExecuteInput<PinnedMergeParams>,
  commit: string,
): Promise<StoredPact> {
  const key = toPactKey(context.tenant_id, input.params.project_id, commit, input.jti);
  const { tree, parents } = await readCommitLinks(repository, commit);
  const sealed = toPactBytes(
    sealPact(
      buildPact(buildMergePredicate(context.tenant_id, { ...input, keyid: input.signer.keyid }, { commit, tree, parents: [...parents] })),
      input.signer,
    ),
  );
  // After a lost response, the Pact counts as existing and is read back.
  const isOurs = (await createBlob(context.store, key, sealed)) === "created";
  const stored = isOurs ? sealed : await context.store.blobs.get(key);
  if (stored === undefined) throw new Error(`${key} exists but cannot be read. Check the object store; then try again.`);
  return { key, blake3: hashBlake3Hex(stored), sizeBytes: stored.byteLength };
}
