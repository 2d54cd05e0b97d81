import { z } from "zod";
import type { ResetParams } from "../../domain/act/job.js";
import type { Plan } from "../../domain/act/plan.js";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { gitIdSchema, ZERO_ID } from "../../domain/git/git-id.js";
import type { RefMove } from "../../domain/git/ref-move.js";
import { toActRef } from "../../domain/git/ref-name.js";
import { hashRefs } from "../../domain/git/refs-digest.js";
import { toResetRefsKey } from "../../domain/storage-key.js";
import type { Effects, JobContext, JobHandler } from "../../planning/job.js";
import { runOnProject } from "../../planning/open-project.js";
import { buildPlanWithoutCommits } from "../../planning/plan-without-commits.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { listFinishedActs } from "../../repository/refs/finished-acts.js";
import { compareRefNames } from "../../repository/refs/packed-refs.js";
import { listVisibleRefs } from "../../repository/refs/refs-state.js";
import { createBlob } from "../../storage/settled-write.js";
import { moveJobRefs } from "./move-job-refs.js";

/** What a reset deleted: each full ref name with the id that it had. */
const keptSchema = z.record(z.string(), gitIdSchema);

/**
 * Empties a sandbox project: every branch and tag goes, by one conditional write, and `HEAD` is an unborn `main` again. Packs, receipts
 * and the manifests of releases stay: they are evidence, and a tag once released is not made again. Which projects may be reset, the
 * policy says. Denials: `project_unknown`, `ref_moved`, `nothing_to_do`. Source: contracts "Infra registry v2".
 */
export const resetJob: JobHandler<ResetParams> = {
  jobType: "git.registry.reset",

  plan(context, input): Promise<Outcome<Plan>> {
    const { params } = input;
    return runOnProject(context, params.project_id, async (repository) => {
      const moves = resolveResetMoves(repository, params);
      if (!moves.ok) return moves;
      return grantValue(buildPlanWithoutCommits(context, input, { job_type: "git.registry.reset", refs: moves.value }));
    });
  },

  execute(context, input): Promise<Outcome<Effects>> {
    const { params, jti } = input;
    return runOnProject(context, params.project_id, async (repository) => {
      const key = toResetRefsKey(context.tenant_id, params.project_id, jti);
      if (repository.state.refs.has(toActRef(jti))) {
        context.log("an earlier attempt had emptied the project");
        await context.completeStep("moved");
        return grantValue(buildResetEffects(key, await readEarlierMoves(context, key, params)));
      }
      await context.completeStep("looked");
      const moves = resolveResetMoves(repository, params);
      if (!moves.ok) return moves;
      const first = repository.state.refs.get(moves.value[0]?.name ?? "");
      if (first === undefined) throw new TypeError("A reset without a ref was let through; this is a defect of movesOf.");
      for (const { name, old } of moves.value) context.log(`deletes ${name}, which was ${old}`);
      // Once the refs have gone nothing else says what they were: neither to a retry, nor to whoever wants one back.
      await createBlob(context.store, key, toCanonicalBytes(Object.fromEntries(moves.value.map(({ name, old }) => [name, old]))));
      const finished = await listFinishedActs(
        context.store,
        context.tenant_id,
        repository.state.refs,
        jti,
        repository.cache.memory.receipted,
      );
      await context.completeStep("stored");
      const moved = await moveJobRefs(context, repository, { jti, refs: moves.value, act: first, finished, forbidsOtherRefs: true });
      if (!moved.ok) return moved;
      await context.completeStep("moved");
      return grantValue(buildResetEffects(key, moves.value));
    });
  },
};

/** Every branch and tag with the id that it has, when they are those that the reset is for. */
function resolveResetMoves(repository: OpenRepository, { project_id, expected_refs }: ResetParams): Outcome<RefMove[]> {
  const refs = listVisibleRefs(repository.state.refs).map(([name, { id }]) => [name, id] as const);
  if (refs.length === 0) return denyWith("nothing_to_do", `${project_id} has no branch and no tag.`);
  const found = hashRefs(refs);
  if (found === expected_refs) return grantValue(toDeletions(refs));
  return denyWith("ref_moved", `The refs of ${project_id} have the digest ${found} and not ${expected_refs}. Look at them and ask again.`);
}

/** What the earlier attempt deleted; the digest in the command says whether it is that. */
async function readEarlierMoves({ store }: JobContext, key: string, { expected_refs }: ResetParams): Promise<RefMove[]> {
  const bytes = await store.blobs.get(key);
  if (bytes === undefined || hashBlake3Hex(bytes) !== expected_refs)
    throw new Error(`${key}, which says what the reset deleted, is missing or damaged; restore the object from a backup.`);
  return toDeletions(Object.entries(keptSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")))));
}

function toDeletions(refs: readonly (readonly [name: string, id: string])[]): RefMove[] {
  return refs.map(([name, old]) => ({ name, old, new: ZERO_ID })).sort((a, b) => compareRefNames(a.name, b.name));
}

function buildResetEffects(key: string, refs: readonly RefMove[]): Effects {
  return { refs, commit: null, artifacts: [{ deleted_refs: refs.length, key }], staged_bytes: 0, stored_bytes: 0 };
}
