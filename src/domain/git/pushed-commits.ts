import { z } from "zod";
import type { Receipt } from "../permit/receipt.js";
import { gitIdSchema } from "./git-id.js";

/** How many commits a push's receipt names; of a larger push it names none. */
export const PUSHED_COMMITS_MAX = 500;

/** How many commits an act may concern for its plan to name those that were pushed before. */
export const PLAN_PUSHED_MAX = 1000;

const pushArtifactSchema = z.object({ brought: z.array(gitIdSchema) });

/**
 * The commits that a push brought into the repository, as its receipt names them; undefined where it does not say: they were too many,
 * or the Runner that answered was not the one that had moved the ref. Source: contracts "Levels".
 */
export function findIntroducedCommits({ artifacts }: Pick<Receipt, "artifacts">): readonly string[] | undefined {
  for (const artifact of artifacts) {
    const parsed = pushArtifactSchema.safeParse(parseArtifactJson(artifact));
    if (parsed.success) return parsed.data.brought;
  }
  return undefined;
}

/** The value, or undefined for text that is no JSON: receipts of other jobs may say anything. */
function parseArtifactJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
