import type { ResetParams } from "../domain/act/job.js";
import type { Plan } from "../domain/act/plan.js";
import { denyWith, grantValue, type Outcome } from "../domain/denial.js";
import { ZERO_ID } from "../domain/git/git-id.js";
import type { RefMove } from "../domain/git/ref-move.js";
import { hashRefs } from "../domain/git/refs-digest.js";
import type { OpenRepository } from "../repository/open-repository.js";
import { compareRefNames } from "../repository/refs/packed-refs.js";
import { listVisibleRefs } from "../repository/refs/refs-state.js";
import { buildPlan } from "./build-plan.js";
import type { PlanInput, PlanningContext } from "./context.js";
import { runOnProject } from "./open-project.js";

/** Denials: `project_unknown`, `ref_moved`, `nothing_to_do`. */
export function planReset(context: PlanningContext, input: PlanInput<ResetParams>): Promise<Outcome<Plan>> {
  const { params } = input;
  return runOnProject(context, params.project_id, async (repository) => {
    const moves = resolveResetMoves(repository, params);
    if (!moves.ok) return moves;
    return grantValue(buildPlan(context, input, { job_type: "git.registry.reset", refs: moves.value }, { changed_paths: null }));
  });
}

/**
 * Returns the deletions of every branch and tag, if their digest is the one that the reset names. Denials: `ref_moved`, `nothing_to_do`.
 */
export function resolveResetMoves(repository: OpenRepository, { project_id, expected_refs }: ResetParams): Outcome<RefMove[]> {
  const refs = listVisibleRefs(repository.state.refs).map(([name, { id }]) => [name, id] as const);
  if (refs.length === 0) return denyWith("nothing_to_do", `${project_id} has no branches and no tags.`);
  const found = hashRefs(refs);
  if (found === expected_refs) return grantValue(toDeletions(refs));
  return denyWith("ref_moved", `The refs of ${project_id} have the digest ${found}, not ${expected_refs}. Review them and try again.`);
}

export function toDeletions(refs: readonly (readonly [name: string, id: string])[]): RefMove[] {
  return refs.map(([name, old]) => ({ name, old, new: ZERO_ID })).sort((a, b) => compareRefNames(a.name, b.name));
}
