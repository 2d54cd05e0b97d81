import type { Plan } from "../domain/act/plan.js";
import { grantValue, type Outcome } from "../domain/denial.js";
import { ZERO_ID } from "../domain/git/git-id.js";
import { joinPaths, listCommittedPaths } from "../repository/history/history.js";
import type { OpenRepository } from "../repository/open-repository.js";
import type { PlanningContext } from "./context.js";

/** A branch that gains the commits that `tip` reaches and `old` does not. */
interface GainingBranch {
  readonly branch: string;
  readonly old: string;
  readonly tip: string;
}

/**
 * Adds to the paths in which a branch differs after an act those that any commit changes that `main` gains. Whatever `main` contains can be
 * released without a further look at its paths, also a commit whose changes a later one undoes.
 */
export async function addGainedPaths(
  { limits }: PlanningContext,
  repository: OpenRepository,
  { branch, old, tip }: GainingBranch,
  differing: Plan["changed_paths"],
): Promise<Outcome<Plan["changed_paths"]>> {
  if (branch !== "main" || differing === null) return grantValue(differing);
  const gained = await listCommittedPaths(repository, old === ZERO_ID ? [tip] : [tip, `^${old}`], limits.diffstatMaxMs);
  return gained.ok ? grantValue(joinPaths(differing, gained.value)) : gained;
}
