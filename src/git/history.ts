import { granted, type Outcome } from "../domain/denial.js";
import { ZERO_ID } from "../domain/git-id.js";
import type { OpenRepository } from "./open-repository.js";
import { withinLimits } from "./within-limits.js";

/** The id of git's empty tree: what a new branch is compared with. */
const EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

export interface ShownCommit {
  readonly id: string;
  readonly summary: string;
  readonly author: string;
  readonly author_email: string;
  readonly authored_at_ms: number;
}

export interface History {
  readonly count: number;
  /** Newest first, at most as many as asked for. */
  readonly commits: readonly ShownCommit[];
  /** Of all of them, sorted, each once. */
  readonly author_emails: readonly string[];
  /** Of all of them. */
  readonly ids: readonly string[];
}

/** The commits of a range as rev-list(1) writes it, for instance `[new, "^old"]` or `[new, "--not", "--branches"]`. */
export async function readHistory(
  repository: OpenRepository,
  range: readonly string[],
  shown: number,
  signal: AbortSignal,
): Promise<History> {
  const scratch = repository.scratch();
  scratch.writeRefs(repository.state.refs);
  const log = async (...format: string[]) =>
    (
      await repository.git.output({
        gitDir: scratch.gitDir,
        args: ["log", "--encoding=UTF-8", ...format, ...range, "--"],
        signal,
        output_max_bytes: 256 * 1024 * 1024,
      })
    ).toString("utf8");
  const fields = (await log(`--max-count=${shown}`, "--format=%H%x00%s%x00%an%x00%ae%x00%at%x00")).split("\0");
  const commits: ShownCommit[] = [];
  for (let at = 0; at + 5 <= fields.length; at += 5) {
    const [id = "", summary = "", author = "", author_email = "", seconds = "0"] = fields.slice(at, at + 5);
    commits.push({ id: id.trim(), summary, author, author_email, authored_at_ms: Number(seconds) * 1000 });
  }
  const all = commits.length < shown ? commits : authored(await log("--format=%H %ae"));
  const emails = new Set(all.map((commit) => commit.author_email));
  return { count: all.length, commits, author_emails: [...emails].sort(), ids: all.map((commit) => commit.id) };
}

/** One line for each commit: id, a space, the author's address. */
function authored(lines: string): Pick<ShownCommit, "id" | "author_email">[] {
  const parsed = lines.split("\n").slice(0, -1);
  return parsed.map((line) => {
    const space = line.indexOf(" ");
    return { id: line.slice(0, space), author_email: line.slice(space + 1) };
  });
}

export interface Diffstat {
  readonly files: number;
  readonly insertions: number;
  readonly deletions: number;
}

export const NO_DIFF: Diffstat = { files: 0, insertions: 0, deletions: 0 };

/**
 * What changes from `old` (a commit, or zeros for nothing) to `next`. Denial: `limit_exceeded` after `max_ms`, since one large text
 * under many paths takes a small push and a long time to compare.
 */
export async function diffstat(
  repository: OpenRepository,
  old: string,
  next: string,
  max_ms: number,
  signal: AbortSignal,
): Promise<Outcome<Diffstat>> {
  const { gitDir } = repository.scratch();
  const from = old === ZERO_ID ? EMPTY_TREE : old;
  const compared = repository.git.output({
    gitDir,
    args: ["diff", "--shortstat", "--no-ext-diff", "--no-textconv", "--no-renames", from, next, "--"],
    timeout_ms: max_ms,
    signal,
  });
  const answer = await withinLimits(
    compared,
    `What changes from ${old} to ${next} could not be counted within ${max_ms} ms; push fewer or smaller files at once.`,
  );
  if (!answer.ok) return answer;
  const text = answer.value.toString("utf8");
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);
  return granted({
    files: number(/(\d+) files? changed/),
    insertions: number(/(\d+) insertion/),
    deletions: number(/(\d+) deletion/),
  });
}
