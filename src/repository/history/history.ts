import { isUtf8 } from "node:buffer";
import { PLAN_PATHS_MAX, PLAN_PATHS_MAX_UNITS } from "../../domain/act/plan.js";
import type { GitKeys } from "../../domain/charter/keys.js";
import { grantValue, type Outcome } from "../../domain/denial.js";
import { listMergeCoAuthors } from "../../domain/git/decision-lines.js";
import { EMPTY_TREE, ZERO_ID } from "../../domain/git/git-id.js";
import { splitSignedCommit, verifyGitSignature } from "../../domain/git/git-signature.js";
import { isRegistryEmail } from "../../domain/git/registry-identity.js";
import { readCommits } from "../objects/read-commits.js";
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
  /**
   * The addresses of all authors, sorted and unique: those of the author lines, and the co-authors that the registry itself named when it
   * squashed their commits. A `Co-authored-by:` that somebody typed would exclude others from approving, so it does not count.
   */
  readonly author_emails: readonly string[];
  /** The ids of all commits. */
  readonly ids: readonly string[];
}

/** Reads the commits of a range in the syntax of rev-list(1), for instance `[new, "^old"]` or `[new, "--not", "--branches"]`. */
export async function readHistory(
  repository: OpenRepository,
  range: readonly string[],
  shown: number,
  readGitKeys: () => Promise<GitKeys>,
): Promise<History> {
  const byIds = range.every((part) => ID_OR_NOT.test(part));
  if (!byIds) repository.getScratch().writeRefs(repository.state.refs);
  const readLog = async (...format: string[]) => {
    const args = ["log", "--encoding=UTF-8", ...format, ...range, "--"];
    const call = { args, outputMaxBytes: 256 * 1024 * 1024 };
    const output = byIds ? repository.askGitForOutput(call) : repository.readGitOutput(call);
    return (await output).toString("utf8");
  };
  const newest = parseRecords(await readLog(`--max-count=${shown}`, `--format=${AUTHORSHIP}%s%x00%an%x00%at%x00`), 8);
  const all = newest.length < shown ? newest : parseRecords(await readLog(`--format=${AUTHORSHIP}`), 5);
  const ids = all.map(([id = ""]) => id.trim());
  const encoded = await readAsWritten(
    repository,
    ids.filter((_, at) => all[at]?.[1] !== ""),
  );
  const commits = newest.map(([id = "", , author_email = "", , , summary = "", author = "", seconds = "0"]) => ({
    ...{ id: id.trim(), summary, author, author_email, ...encoded.get(id.trim()) },
    authored_at_ms: Number(seconds) * 1000,
  }));
  const squashes = ids.filter((_, at) => isRegistryEmail(all[at]?.[3] ?? "") && all[at]?.[4] !== "");
  const emails = new Set(all.map(([, , email = ""], at) => encoded.get(ids[at] ?? "")?.author_email ?? email));
  for (const email of await listSquashedAuthors(repository, squashes, readGitKeys)) emails.add(email);
  return { count: all.length, commits, author_emails: [...emails].sort(), ids };
}

/**
 * Reads author and summary of commits that name an encoding, from their bytes: git decodes the whole commit by it, and some encodings make of an
 * author somebody else, or nobody.
 */
async function readAsWritten(
  repository: OpenRepository,
  commits: readonly string[],
): Promise<Map<string, Pick<ShownCommit, "author" | "author_email" | "summary">>> {
  const read = new Map<string, Pick<ShownCommit, "author" | "author_email" | "summary">>();
  for await (const [id, commit] of readCommits(repository, commits)) {
    const text = commit.toString("latin1");
    const end = text.indexOf("\n\n");
    const [header, message] = end === -1 ? [text, ""] : [text.slice(0, end), text.slice(end + 2)];
    const [, author = "", email = ""] = /^author ([^<\n]*?) ?<([^>\n]*)>/m.exec(header) ?? [];
    const encoding = /^encoding (.+)$/m.exec(header)?.[1] ?? "";
    const summary = decodeText(message.split("\n\n", 1)[0]?.replaceAll("\n", " ").trim() ?? "", encoding);
    read.set(id, { author: decodeText(author, encoding), author_email: decodeText(email), summary });
  }
  return read;
}

/** Decodes bytes, given as characters: as UTF-8, or else from the encoding that the commit names, or else as Latin-1. */
function decodeText(bytes: string, encoding = ""): string {
  for (const label of ["utf-8", encoding]) {
    try {
      if (label !== "") return new TextDecoder(label, { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes, "latin1"));
    } catch {
      // The label is unknown, or the bytes are not in this encoding.
    }
  }
  return bytes;
}

/** Lists the co-authors in those of the commits that are squashes by the registry, as its signature proves. */
async function listSquashedAuthors(
  repository: OpenRepository,
  commits: readonly string[],
  readGitKeys: () => Promise<GitKeys>,
): Promise<readonly string[]> {
  if (commits.length === 0) return [];
  const { known } = await readGitKeys();
  const emails: string[] = [];
  for await (const [, commit] of readCommits(repository, commits)) {
    const signed = splitSignedCommit(commit);
    if (signed === undefined || verifyGitSignature(signed, known) !== "valid") continue;
    emails.push(...listMergeCoAuthors(commit.toString("utf8", commit.indexOf("\n\n") + 2)));
  }
  return emails;
}

/** Matches a part of a range that does not depend on refs. */
const ID_OR_NOT = /^\^?[0-9a-f]{40}$/;

/** The id, the encoding, the addresses of author and committer, and the co-authors' trailers, which may have several lines. */
const AUTHORSHIP = "%H%x00%e%x00%ae%x00%ce%x00%(trailers:key=Co-authored-by,valueonly)%x00";

function parseRecords(text: string, length: number): string[][] {
  const fields = text.split("\0");
  return Array.from({ length: Math.floor(fields.length / length) }, (_, index) => fields.slice(index * length, (index + 1) * length));
}

export interface Diffstat {
  readonly files: number;
  readonly insertions: number;
  readonly deletions: number;
}

/** What differs between two trees. */
export interface TreeChanges {
  readonly diffstat: Diffstat;
  /** The changed paths, sorted; null if they are more than a plan lists, or if one is not UTF-8. */
  readonly changed_paths: string[] | null;
}

/** A line for each path: `insertions TAB deletions TAB path NUL`, with `-` for a binary file. */
const NUMSTAT_MAX_BYTES = 256 * 1024 * 1024;

/**
 * Compares `old` (a commit, or zeros for the empty tree) with `next`. Denial: `limit_exceeded` after `maxMs`, because a small push can put
 * one large text under many paths, which takes long to compare.
 */
export async function compareTrees(repository: OpenRepository, old: string, next: string, maxMs: number): Promise<Outcome<TreeChanges>> {
  const from = old === ZERO_ID ? EMPTY_TREE : old;
  const compared = repository.askGitForOutput({
    args: ["diff", "--numstat", "-z", "--no-ext-diff", "--no-textconv", "--no-renames", from, next, "--"],
    outputMaxBytes: NUMSTAT_MAX_BYTES,
    timeoutMs: maxMs,
  });
  const answer = await runWithinLimits(
    compared,
    `The changes from ${old} to ${next} could not be counted within ${maxMs} ms; push fewer or smaller files at once.`,
  );
  return answer.ok ? grantValue(parseNumstat(answer.value)) : answer;
}

/** Parses without a text of the whole output, which can be large. */
function parseNumstat(output: Buffer): TreeChanges {
  const diffstat = { files: 0, insertions: 0, deletions: 0 };
  const paths: Buffer[] = [];
  for (let start = 0; start < output.byteLength; ) {
    const found = output.indexOf(0, start);
    const end = found === -1 ? output.byteLength : found;
    const line = output.subarray(start, end);
    const afterInsertions = line.indexOf("\t") + 1;
    const afterDeletions = line.indexOf("\t", afterInsertions) + 1;
    diffstat.files += 1;
    diffstat.insertions += countLines(line.subarray(0, afterInsertions));
    diffstat.deletions += countLines(line.subarray(afterInsertions, afterDeletions));
    if (paths.length <= PLAN_PATHS_MAX) paths.push(line.subarray(afterDeletions));
    start = end + 1;
  }
  // A path that is not UTF-8 would be decoded to another one.
  const changed_paths = paths.every((path) => isUtf8(path)) ? joinPaths(paths.map((path) => path.toString("utf8"))) : null;
  return { diffstat, changed_paths };
}

/** Joins lists of paths to a sorted one. Returns null if one is null, or if they are more than a plan lists. */
export function joinPaths(...lists: readonly TreeChanges["changed_paths"][]): TreeChanges["changed_paths"] {
  const known = lists.filter((list) => list !== null);
  const paths = [...new Set(known.flat())].sort();
  const isShort = paths.length <= PLAN_PATHS_MAX && paths.reduce((sum, path) => sum + path.length, 0) <= PLAN_PATHS_MAX_UNITS;
  return isShort && known.length === lists.length ? paths : null;
}

/**
 * Lists the paths that any commit of a range changes, one with several parents those that it has from none of them; null as in
 * {@link TreeChanges}. `range` names commits by their ids. Denial: `limit_exceeded` after `maxMs`.
 */
export async function listCommittedPaths(
  repository: OpenRepository,
  range: readonly string[],
  maxMs: number,
): Promise<Outcome<TreeChanges["changed_paths"]>> {
  const listed = repository.askGitForOutput({
    args: ["log", "-c", "-z", "--format=", "--name-only", "--no-ext-diff", "--no-textconv", "--no-renames", ...range, "--"],
    outputMaxBytes: NUMSTAT_MAX_BYTES,
    timeoutMs: maxMs,
  });
  const answer = await runWithinLimits(listed, `The changes of each commit could not be listed within ${maxMs} ms; merge fewer at once.`);
  if (!answer.ok) return answer;
  if (!isUtf8(answer.value)) return grantValue(null);
  return grantValue(
    joinPaths(
      answer.value
        .toString("utf8")
        .split("\0")
        .filter((path) => path !== ""),
    ),
  );
}

/** git writes `-` for a binary file. */
function countLines(digits: Buffer): number {
  return Number.parseInt(digits.toString("latin1"), 10) || 0;
}
