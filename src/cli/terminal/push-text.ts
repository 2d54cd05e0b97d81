import { PREVIEW_COMMITS_MAX, type PushPreview } from "../../client/git/push-preview.js";
import { formatSize, shortenId } from "./text.js";

/** Formats a push for a person to review. */
export function formatPushPreview(preview: PushPreview): string {
  const { project_id, branch, old, new: tip, up_to_date, fast_forward, force, commit_count, commits, size_bytes, travels } = preview;
  const lines = [
    `Push to ${project_id}`,
    `  branch    ${branch}: ${old === null ? "none" : shortenId(old)} → ${shortenId(tip)}${up_to_date ? ", which is already there" : ""}`,
  ];
  if (fast_forward === false && !up_to_date)
    lines.push(
      force
        ? "  history   is rewritten: the branch loses commits (--force)"
        : "  history   would be rewritten, as far as this working copy knows: refused without --force",
    );
  lines.push(`  commits   ${commit_count === 0 ? "none that the registry lacks" : commit_count}`);
  for (const { id, summary, author } of commits) lines.push(`            ${shortenId(id)} ${summary} (${author})`);
  if (commit_count > commits.length && commits.length === PREVIEW_COMMITS_MAX)
    lines.push(`            … and ${commit_count - commits.length} more`);
  lines.push(`  size      ${formatSize(size_bytes)}, ${travels}`);
  return lines.join("\n");
}
