import type { MergeProtectedParams } from "../domain/act/job.js";
import { ZERO_ID } from "../domain/git/git-id.js";
import { toBranchRef } from "../domain/git/ref-name.js";
import type { RegistryClient } from "./http/registry-client.js";

/** A merge, by branch names. */
export type MergeAsk = Pick<MergeProtectedParams, "project_id" | "source" | "target" | "strategy">;

/** The params of a merge of the source's current tip; undefined if the source does not exist. The plan finds the target. */
export interface LookedUpMerge {
  readonly params: MergeProtectedParams | undefined;
  /** The tip of the target, zeros if it is absent. */
  readonly target_tip: string;
}

/**
 * Looks up the tips of both branches. The merge creates an absent target, and follows one that moves before it is decided.
 *
 * @throws Refused if there is no such project
 */
export async function lookUpMerge(client: RegistryClient, wanted: MergeAsk): Promise<LookedUpMerge> {
  const { project_id, source, target, strategy } = wanted;
  const [expected_source, target_tip] = await Promise.all(
    [source, target].map((branch) => client.findRef(project_id, toBranchRef(branch))),
  );
  const params = expected_source === undefined ? undefined : { project_id, source, target, expected_source, strategy };
  return { params, target_tip: target_tip ?? ZERO_ID };
}
