import { z } from "zod";
import { parseJson } from "../json.js";
import type { Receipt } from "../permit/receipt.js";
import { gitIdSchema } from "./git-id.js";

/** The maximum number of commits that a push's receipt names. The receipt of a larger push names none. */
export const PUSHED_COMMITS_MAX = 500;

/** The maximum number of commits of an act whose plan names those pushed before. */
export const PLAN_PUSHED_MAX = 1000;

const pushArtifactSchema = z.object({ brought: z.array(gitIdSchema) });

/**
 * Returns the commits that a push added to the repository, as named by its receipt. Returns undefined if the receipt names none: there
 * were too many, or the answering Runner was not the one that had moved the ref. Source: contracts "Levels".
 */
export function findIntroducedCommits({ artifacts }: Pick<Receipt, "artifacts">): readonly string[] | undefined {
  for (const artifact of artifacts) {
    // Artifacts of other jobs have other forms.
    const parsed = pushArtifactSchema.safeParse(parseJson(artifact));
    if (parsed.success) return parsed.data.brought;
  }
  return undefined;
}
