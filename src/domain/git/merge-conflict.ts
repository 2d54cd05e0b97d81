import { z } from "zod";

/** The number of conflicts that are reported: enough to recognise them, and few enough for every card that shows them. */
export const CONFLICTS_SHOWN_MAX = 50;
export const CONFLICT_HUNKS_MAX = 10;
export const CONFLICT_HUNK_MAX_CHARACTERS = 2000;
/** The maximum length of all hunks of a merge together. */
export const CONFLICT_TEXT_MAX_CHARACTERS = 64_000;

/**
 * One path that two branches changed in conflicting ways. `kind` is git's term (`contents`, `modify/delete`, `rename/rename`, …),
 * `explanation` git's sentence. `hunks` are the conflicting places of a text, with both sides between conflict markers, the target's
 * first. Long hunks are cut and marked as such. Source: git-merge-tree(1).
 */
export const mergeConflictSchema = z.strictObject({
  path: z.string(),
  kind: z.string(),
  explanation: z.string(),
  hunks: z.array(z.string()),
});
export type MergeConflict = z.infer<typeof mergeConflictSchema>;
