import { ZERO_ID } from "../../../domain/git/git-id.js";
import { toPushReceipt } from "../../../domain/git/push-receipt.js";
import type { Receipt } from "../../../domain/permit/receipt.js";
import { insertOnce, type Projection } from "./effect.js";

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
  const push = toPushReceipt(receipt);
  if (push === undefined) return new Map();
  const { tips, brought } = push;
  return new Map([
    ...tips.map((tip) => [tip, false] as const),
    ...(brought ?? []).map((commit) => [commit, true] as const),
    ...(brought === undefined ? [[ZERO_ID, false] as const] : []),
  ]);
}
