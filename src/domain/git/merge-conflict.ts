import { z } from "zod";

/** The reported part of a conflict: enough to recognise it, and short enough for each card that shows it. */
export const CONFLICTS_SHOWN_MAX = 50;
export const CONFLICT_HUNKS_MAX = 10;
export const CONFLICT_HUNK_MAX_CHARACTERS = 2000;
/** For all hunks of a merge together. */
export const CONFLICT_TEXT_MAX_CHARACTERS = 64_000;

/**
 * One path that two branches changed in ways that do not go together. `kind` is git's own word for it (`contents`, `modify/delete`,
 * `rename/rename`, …), `explanation` git's sentence; `hunks` are the places of a text with both sides between conflict
 * markers, the target's first. Long ones are cut, and say so. Source: git-merge-tree(1).
 */
export const mergeConflictSchema = z.strictObject({
  path: z.string(),
  kind: z.string(),
  explanation: z.string(),
  hunks: z.array(z.string()),
});
export type MergeConflict = z.infer<typeof mergeConflictSchema>;
