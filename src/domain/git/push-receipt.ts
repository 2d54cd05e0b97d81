import { z } from "zod";
import type { JobType } from "../act/job.js";
import { personIdSchema } from "../charter/records.js";
import { timeMsSchema } from "../ids.js";
import type { Receipt } from "../permit/receipt.js";
import { gitIdSchema, ZERO_ID } from "./git-id.js";
import { findIntroducedCommits, PUSHED_COMMITS_MAX } from "./pushed-commits.js";

const HEADS = "refs/heads/";

/** The acts that add commits to branches. A merge adds the commit that it creates. */
const PUSHING_JOBS: readonly string[] = ["git.registry.push", "git.registry.merge_protected"] satisfies JobType[];

/** What the receipt of a push or merge says about who pushed which commits. */
export const pushReceiptSchema = z.strictObject({
  /** The person who pushed or merged, or who answers for the agent or app that did. Null if the receipt names nobody. */
  person_id: personIdSchema.nullable(),
  /** The commits to which the act moved branches. */
  tips: z.array(gitIdSchema).min(1),
  /** The commits that were new to the project. Absent if the receipt does not name them. */
  brought: z.array(gitIdSchema).max(PUSHED_COMMITS_MAX).optional(),
  /** When the answering attempt began and ended. */
  started_at: timeMsSchema,
  finished_at: timeMsSchema,
});
export type PushReceipt = z.infer<typeof pushReceiptSchema>;

/** Returns undefined for the receipt of an act that added no commits to a branch. */
export function toPushReceipt(receipt: Receipt): PushReceipt | undefined {
  const { status, jobType, refs, person_id, finished_at, usage } = receipt;
  if (status !== "success" || !PUSHING_JOBS.includes(jobType)) return undefined;
  const tips = refs.filter((move) => move.name.startsWith(HEADS) && move.new !== ZERO_ID).map((move) => move.new);
  if (tips.length === 0) return undefined;
  const brought = findIntroducedCommits(receipt);
  const started_at = Math.max(0, Math.floor(finished_at - usage.wall_ms));
  return { person_id, tips, ...(brought === undefined ? {} : { brought: [...brought] }), started_at, finished_at };
}
