import type { JobType } from "../../../domain/act/job.js";
import { ZERO_ID } from "../../../domain/git/git-id.js";
import { findIntroducedCommits } from "../../../domain/git/pushed-commits.js";
import type { Receipt } from "../../../domain/permit/receipt.js";
import { insertOnce, type Projection } from "./effect.js";

const HEADS = "refs/heads/";

/** The acts that introduce commits to branches. A merge introduces the commit that it creates. */
const INTRODUCING_JOBS: readonly string[] = ["git.registry.push", "git.registry.merge_protected"] satisfies JobType[];

/** Which push or merge introduced which commit, from the receipts. */
export const pushedCommitsProjection: Projection = {
  "receipt.recorded": (write, { tenant_id, seq, payload: { receipt, actor_id } }) => {
    const { project_id, jti } = receipt;
    const commits = [...listPushedCommits(receipt)];
    if (commits.length === 0) return [];
    const rows = commits.map(([commit, brought]) => ({ tenant_id, project_id, commit, jti, seq, actor_id, brought }));
    return insertOnce(write, "registry_pushed_commits", `registry_pushed_commits/${jti}`, rows);
  },
};

/**
 * Lists the commits, with whether the push introduced each: its tip may have been known already, and ZERO_ID stands for those that the
 * receipt does not name.
 */
function listPushedCommits(receipt: Receipt): ReadonlyMap<string, boolean> {
  if (receipt.status !== "success" || !INTRODUCING_JOBS.includes(receipt.jobType)) return new Map();
  const tips = receipt.refs.filter((move) => move.name.startsWith(HEADS) && move.new !== ZERO_ID).map((move) => move.new);
  if (tips.length === 0) return new Map();
  const introduced = findIntroducedCommits(receipt);
  return new Map([
    ...tips.map((tip) => [tip, false] as const),
    ...(introduced ?? []).map((commit) => [commit, true] as const),
    ...(introduced === undefined ? [[ZERO_ID, false] as const] : []),
  ]);
}
