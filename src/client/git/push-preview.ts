import { INLINE_PATCH_MAX_BYTES } from "../../domain/act/job.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { formatRevisions } from "./bundle.js";
import { runGitForLines, tryGit } from "./git-command.js";
import type { PlannedPush } from "./pushing.js";

/** The most commits that a preview shows; `commit_count` counts all. */
export const PREVIEW_COMMITS_MAX = 10;

/** A push for a person to review. Ids are full; `old` is null for a new branch. */
export interface PushPreview {
  readonly project_id: string;
  readonly branch: string;
  readonly old: string | null;
  readonly new: string;
  readonly up_to_date: boolean;
  /** Whether the branch only grows, as far as this working copy knows; null for a new branch. */
  readonly fast_forward: boolean | null;
  readonly force: boolean;
  readonly commit_count: number;
  readonly commits: readonly { readonly id: string; readonly summary: string; readonly author: string }[];
  readonly size_bytes: number;
  readonly blake3: string;
  readonly travels: "inside the command" | "staged first";
}

/** @throws GitRefused */
export async function previewPush(folder: string, { params, bundle, held }: PlannedPush): Promise<PushPreview> {
  const old = params.expected_old === ZERO_ID ? null : params.expected_old;
  const isUpToDate = old === bundle.tip;
  const [grows, commits] = await Promise.all([
    old === null ? undefined : tryGit(folder, ["merge-base", "--is-ancestor", old, bundle.tip]),
    isUpToDate ? [] : listNewCommits(folder, bundle.tip, held),
  ]);
  return {
    project_id: params.project_id,
    branch: params.branch,
    old,
    new: bundle.tip,
    up_to_date: isUpToDate,
    fast_forward: old === null ? null : grows !== undefined,
    force: params.force === true,
    // A bundle cannot be empty: it holds a commit even if the registry has them all.
    commit_count: commits.length === 0 ? 0 : bundle.commits,
    commits,
    size_bytes: bundle.sizeBytes,
    blake3: bundle.blake3,
    travels: bundle.sizeBytes > INLINE_PATCH_MAX_BYTES ? "staged first" : "inside the command",
  };
}

/** Lists the newest commits of a tip that the registry lacks, and ignores the registry's commits that are missing here. */
async function listNewCommits(folder: string, tip: string, held: readonly string[]): Promise<PushPreview["commits"]> {
  const args = ["log", "--ignore-missing", `--max-count=${PREVIEW_COMMITS_MAX}`, "--encoding=UTF-8", "--format=%H%x09%an%x09%s", "--stdin"];
  const lines = await runGitForLines(folder, args, formatRevisions(tip, held));
  return lines.map((line) => {
    const [id = "", author = "", ...summary] = line.split("\t");
    return { id, author, summary: summary.join(" ") };
  });
}
