import { z } from "zod";
import type { ResetParams } from "../../domain/act/job.js";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import { grantValue, type Outcome } from "../../domain/denial.js";
import { gitIdSchema } from "../../domain/git/git-id.js";
import type { RefMove } from "../../domain/git/ref-move.js";
import { parseJsonBytes } from "../../domain/json.js";
import { toResetRefsKey } from "../../domain/storage-key.js";
import { runOnProject } from "../../planning/open-project.js";
import { resolveResetMoves, toDeletions } from "../../planning/plan-reset.js";
import { createBlob } from "../../storage/settled-write.js";
import type { Effects, JobContext, JobHandler } from "./job.js";
import { findEarlierMove, publishChange } from "./publish.js";

/** The refs that a reset deleted, each full name with its id. */
const deletedRefsSchema = z.record(z.string(), gitIdSchema);

/**
 * Empties a sandbox project: deletes every branch and tag by one conditional write, so that `HEAD` is an unborn `main` again. Packs,
 * receipts and release manifests are kept as evidence, and a released tag cannot be created again. The policy decides which projects may
 * be reset. Source: contracts "Infra registry v2".
 */
export const resetJob: JobHandler<ResetParams> = {
  execute(context, input): Promise<Outcome<Effects>> {
    const { params, jti } = input;
    return runOnProject(context, params.project_id, async (repository) => {
      const key = toResetRefsKey(context.tenant_id, params.project_id, jti);
      const record = await findEarlierMove(context, repository, jti, "an earlier attempt had emptied the project");
      if (record !== undefined)
        return grantValue(buildResetEffects(key, await readEarlierMoves(context, key, params), record.previous_act));
      await context.completeStep("looked");
      const moves = resolveResetMoves(repository, params);
      if (!moves.ok) return moves;
      const first = repository.state.refs.get(moves.value[0]?.name ?? "");
      if (first === undefined) throw new TypeError("resolveResetMoves granted a reset without a ref; this is a bug.");
      for (const { name, old } of moves.value) context.log(`deletes ${name}, which was ${old}`);
      // This is the only record of the deleted refs, for a retry or for restoring one of them.
      await createBlob(context.store, key, toCanonicalBytes(Object.fromEntries(moves.value.map(({ name, old }) => [name, old]))));
      const published = await publishChange(context, repository, { jti, refs: moves.value, act: first, forbidsOtherRefs: true });
      return published.ok ? grantValue(buildResetEffects(key, moves.value, published.value.previous_act)) : published;
    });
  },
};

/** Reads the deletions of an earlier attempt and checks them against the digest in the command. */
async function readEarlierMoves({ store }: JobContext, key: string, { expected_refs }: ResetParams): Promise<RefMove[]> {
  const bytes = await store.blobs.get(key);
  if (bytes === undefined || hashBlake3Hex(bytes) !== expected_refs)
    throw new Error(`${key}, the list of the deleted refs, is missing or damaged; restore the object from a backup.`);
  return toDeletions(Object.entries(deletedRefsSchema.parse(parseJsonBytes(bytes))));
}

function buildResetEffects(key: string, refs: readonly RefMove[], previous_act: string | null): Effects {
  return { refs, previous_act, commit: null, artifacts: [{ deleted_refs: refs.length, key }], staged_bytes: 0, stored_bytes: 0 };
}
