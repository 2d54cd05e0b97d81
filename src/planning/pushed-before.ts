import { PLAN_PUSHED_MAX } from "../domain/git/pushed-commits.js";
import { findStoredIds } from "../repository/objects/find-stored-ids.js";
import type { OpenRepository } from "../repository/open-repository.js";

/** The commits among `ids` that earlier pushes stored, sorted. Null for more than PLAN_PUSHED_MAX `ids`. */
export async function listPushedBefore(repository: OpenRepository, ids: readonly string[]): Promise<string[] | null> {
  return ids.length > PLAN_PUSHED_MAX ? null : [...(await findStoredIds(repository, ids))].sort();
}
