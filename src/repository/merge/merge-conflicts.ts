import {
  CONFLICT_HUNK_MAX_CHARACTERS,
  CONFLICT_HUNKS_MAX,
  CONFLICT_TEXT_MAX_CHARACTERS,
  CONFLICTS_SHOWN_MAX,
  type MergeConflict,
} from "../../domain/git/merge-conflict.js";
import { GitFault } from "../git-fault.js";
import type { OpenRepository } from "../open-repository.js";

/** A larger file is reported without its hunks. */
const FILE_MAX_BYTES = 4 * 1024 * 1024;

/** Two commits to be merged, with their human-readable names. */
export interface MergeSides {
  readonly target: { readonly commit: string; readonly name: string };
  readonly source: { readonly commit: string; readonly name: string };
}

/** The output of `merge-tree -z`: the merged tree, and the conflicts with every path involved. */
interface MergeTreeAnswer {
  readonly tree: string;
  readonly conflicts: readonly { readonly paths: readonly string[]; readonly kind: string; readonly explanation: string }[];
}

/** Parses the output of `git merge-tree --write-tree -z`. Source: git-merge-tree(1), "OUTPUT". */
export function parseMergeTree(output: Buffer): MergeTreeAnswer {
  const fields = output.toString("utf8").split("\0");
  const tree = /^[0-9a-f]{40}$/.exec(fields[0] ?? "")?.[0];
  if (tree === undefined) throw buildMergeTreeFault();
  const conflicts: { paths: string[]; kind: string; explanation: string }[] = [];
  const files: string[] = [];
  let at = 1;
  for (; fields[at] !== undefined && fields[at] !== ""; at += 1) {
    const path = /^\d+ [0-9a-f]{40} \d\t(.+)$/s.exec(fields[at] ?? "")?.[1];
    if (path === undefined) throw buildMergeTreeFault();
    if (!files.includes(path)) files.push(path);
  }
  for (at += 1; at < fields.length && /^\d+$/.test(fields[at] ?? ""); ) {
    const count = Number(fields[at]);
    const paths = fields.slice(at + 1, at + 1 + count);
    const [type = "", text = ""] = fields.slice(at + 1 + count, at + 3 + count);
    at += count + 3;
    const kind = /^CONFLICT \((.+)\)$/s.exec(type)?.[1];
    if (kind !== undefined) conflicts.push({ paths, kind, explanation: text.trim().replace(/^CONFLICT \([^)]*\): /, "") });
  }
  const named = new Set(conflicts.flatMap(({ paths }) => paths));
  // git lists every unmerged path. Those without a message are reported too.
  const unexplained = files.filter((path) => !named.has(path)).map((path) => ({ paths: [path], kind: "unsettled", explanation: "" }));
  return { tree, conflicts: [...conflicts, ...unexplained] };
}

/** Describes the conflicts for people, with the places that both sides changed. The text is limited. */
export async function describeConflicts(
  repository: OpenRepository,
  { tree, conflicts }: MergeTreeAnswer,
  sides: MergeSides,
): Promise<MergeConflict[]> {
  const shown: MergeConflict[] = [];
  let remaining = CONFLICT_TEXT_MAX_CHARACTERS;
  for (const { paths, kind, explanation } of conflicts.slice(0, CONFLICTS_SHOWN_MAX)) {
    const path = paths[0] ?? "";
    const found = remaining > 0 && WITH_TEXT.test(kind) ? await readHunks(repository, tree, paths, sides) : [];
    const hunks = found.slice(0, CONFLICT_HUNKS_MAX).map((hunk) => cutText(hunk, Math.min(CONFLICT_HUNK_MAX_CHARACTERS, remaining)));
    remaining -= hunks.reduce((sum, hunk) => sum + hunk.length, 0);
    if (found.length > hunks.length) hunks.push(`(and ${found.length - hunks.length} more places)`);
    shown.push({ path: cleanText(path), kind, explanation: cleanText(replaceCommitIds(explanation, sides)), hunks });
  }
  return shown;
}

/** The kinds of conflicts that can leave both sides in a file. */
const WITH_TEXT = /^(?:contents?|rename\/rename|rename involved in collision)$/;

/** Reads the places from the first file that has any. The two new names of a file that was renamed twice have the same places. */
async function readHunks(repository: OpenRepository, tree: string, paths: readonly string[], sides: MergeSides) {
  for (const path of paths) {
    const found = parseHunks(await readMergedText(repository, `${tree}:${path}`), sides);
    if (found.length > 0) return found;
  }
  return [];
}

/** Returns the file with its conflict markers, or an empty text if it is absent or very large. */
async function readMergedText(repository: OpenRepository, object: string): Promise<string> {
  const answer = await repository.runGitWithinOutput({ args: ["cat-file", "blob", object], outputMaxBytes: FILE_MAX_BYTES });
  return answer === undefined || answer.code !== 0 ? "" : cleanText(answer.stdout.toString("utf8"));
}

/**
 * Markers have seven characters, more in renamed files, or the number set by the attribute `conflict-marker-size`. Longer markers are
 * nested.
 */
function parseHunks(text: string, { target, source }: MergeSides): string[] {
  const hunks: string[] = [];
  let open: { readonly lines: string[]; readonly end: string } | undefined;
  for (const line of text.split("\n")) {
    const begin = /^(<+) /.exec(line)?.[1] ?? "";
    if (open === undefined && begin !== "" && line.startsWith(`${begin} ${target.commit}`))
      open = { lines: [line.replace(target.commit, () => target.name)], end: `${">".repeat(begin.length)} ${source.commit}` };
    else if (open !== undefined && line.startsWith(open.end)) {
      hunks.push([...open.lines, line.replace(source.commit, () => source.name)].join("\n"));
      open = undefined;
    } else open?.lines.push(line);
  }
  return hunks;
}

function replaceCommitIds(text: string, { target, source }: MergeSides): string {
  // A replacement string would expand the `$&` of a branch such as `feature/$&`.
  return text.replaceAll(target.commit, () => target.name).replaceAll(source.commit, () => source.name);
}

/** Canonical JSON rejects a lone surrogate, and Postgres rejects NUL. */
function cleanText(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\u{FFFD}");
}

function cutText(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max).toWellFormed()}\n(cut)`;
}

function buildMergeTreeFault(): GitFault {
  return new GitFault("git_failed", "The output of git merge-tree cannot be parsed. Use git 2.39 or newer; then try again.");
}
