import { grantValue, type Outcome } from "../../domain/denial.js";
import { EMPTY_TREE, ZERO_ID } from "../../domain/git/git-id.js";
import type { OpenRepository } from "../open-repository.js";
import { runWithinLimits } from "../within-limits.js";

export interface ShownCommit {
  readonly id: string;
  readonly summary: string;
  readonly author: string;
  readonly author_email: string;
  readonly authored_at_ms: number;
}

export interface History {
  readonly count: number;
  /** The newest commits, at most `shown`, newest first. */
  readonly commits: readonly ShownCommit[];
  /** The addresses of all authors and of everyone in `Co-authored-by:` trailers, sorted and unique. */
  readonly author_emails: readonly string[];
  /** The ids of all commits. */
  readonly ids: readonly string[];
}

/** Reads the commits of a range in the syntax of rev-list(1), for instance `[new, "^old"]` or `[new, "--not", "--branches"]`. */
export async function readHistory(repository: OpenRepository, range: readonly string[], shown: number): Promise<History> {
  const byIds = range.every((part) => ID_OR_NOT.test(part));
  if (!byIds) repository.getScratch().writeRefs(repository.state.refs);
  const readLog = async (...format: string[]) => {
    const args = ["log", "--encoding=UTF-8", ...format, ...range, "--"];
    const call = { args, outputMaxBytes: 256 * 1024 * 1024 };
    const output = byIds ? repository.askGitForOutput(call) : repository.readGitOutput(call);
    return (await output).toString("utf8");
  };
  const newest = parseRecords(await readLog(`--max-count=${shown}`, `--format=${AUTHORSHIP}%s%x00%an%x00%at%x00`), 6);
  const commits = newest.map(([id = "", author_email = "", , summary = "", author = "", seconds = "0"]) => ({
    ...{ id: id.trim(), summary, author, author_email },
    authored_at_ms: Number(seconds) * 1000,
  }));
  const all = commits.length < shown ? newest : parseRecords(await readLog(`--format=${AUTHORSHIP}`), 3);
  const emails = new Set(all.flatMap(([, email = "", coAuthors = ""]) => [email, ...parseAddresses(coAuthors)]));
  return { count: all.length, commits, author_emails: [...emails].sort(), ids: all.map(([id = ""]) => id.trim()) };
}

/** Matches a part of a range that does not depend on refs. */
const ID_OR_NOT = /^\^?[0-9a-f]{40}$/;

/** The id, the author's address, and the co-authors' trailers, which may have several lines. */
const AUTHORSHIP = "%H%x00%ae%x00%(trailers:key=Co-authored-by,valueonly)%x00";

function parseRecords(text: string, length: number): string[][] {
  const fields = text.split("\0");
  return Array.from({ length: Math.floor(fields.length / length) }, (_, index) => fields.slice(index * length, (index + 1) * length));
}

function parseAddresses(trailers: string): string[] {
  return [...trailers.matchAll(/<([^<>\n]+)>/g)].flatMap(([, address]) => address ?? []);
}

export interface Diffstat {
  readonly files: number;
  readonly insertions: number;
  readonly deletions: number;
}

/**
 * Counts the changes from `old` (a commit, or zeros for the empty tree) to `next`. Denial: `limit_exceeded` after `maxMs`, because a
 * small push can put one large text under many paths, which takes long to compare.
 */
export async function computeDiffstat(repository: OpenRepository, old: string, next: string, maxMs: number): Promise<Outcome<Diffstat>> {
  const from = old === ZERO_ID ? EMPTY_TREE : old;
  const compared = repository.askGitForOutput({
    args: ["diff", "--shortstat", "--no-ext-diff", "--no-textconv", "--no-renames", from, next, "--"],
    timeoutMs: maxMs,
  });
  const answer = await runWithinLimits(
    compared,
    `The changes from ${old} to ${next} could not be counted within ${maxMs} ms; push fewer or smaller files at once.`,
  );
  if (!answer.ok) return answer;
  const text = answer.value.toString("utf8");
  const parseCount = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);
  return grantValue({
    files: parseCount(/(\d+) files? changed/),
    insertions: parseCount(/(\d+) insertion/),
    deletions: parseCount(/(\d+) deletion/),
  });
}
