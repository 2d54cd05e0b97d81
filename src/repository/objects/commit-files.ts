import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Outcome } from "../../domain/denial.js";
import { GitFault } from "../git-fault.js";
import type { IncomingLimits } from "../incoming/incoming-limits.js";
import type { OpenRepository } from "../open-repository.js";
import { checkPack } from "../packs/check-pack.js";
import type { CheckedPack } from "../packs/checked-pack.js";
import { REGISTRY_IDENTITY, toGitSeconds } from "../registry-identity.js";

export interface CommittedFile {
  /** Plain: letters, digits and `._/-` only, so that git reads it as it stands. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface FilesCommit {
  /** The commit that the new one follows; undefined for the first of a branch. */
  readonly parent: string | undefined;
  /** New files and new contents of known ones, one at a time; every other file of the parent stays as it is. */
  readonly files: AsyncIterable<CommittedFile>;
  readonly message: string;
  /** The permit's, so that a retry makes the same bytes. */
  readonly iatMs: number;
}

const PLAIN_PATH = /^[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/;
/** A ref of the scratch repository alone, which is where fast-import puts its commit. */
const SCRATCH_REF = "refs/made/commit";

/**
 * Makes one commit by the registry that adds or replaces whole files, and a pack of what it adds, through the same checks as a pack from
 * outside. Nothing is visible yet. Denials: those of a pack, `limit_exceeded` for a file that is too large among them.
 */
export async function commitFiles(
  repository: OpenRepository,
  commit: FilesCommit,
  limits: IncomingLimits,
  signal: AbortSignal,
): Promise<Outcome<{ readonly tip: string; readonly pack: CheckedPack | undefined }>> {
  const scratch = repository.getScratch();
  const stream = scratch.resolvePath("made.import");
  // By way of a file: the files come one at a time, and need not lie in memory together.
  await pipeline(Readable.from(buildImportStream(commit)), createWriteStream(stream, { flags: "wx" }), { signal });
  const answer = await repository.git.readOutput({
    gitDir: scratch.gitDir,
    args: ["fast-import", "--quiet", "--done"],
    input: { path: stream, offsetBytes: 0 },
    signal,
  });
  const tip = /^([0-9a-f]{40})\n$/.exec(answer.toString("latin1"))?.[1];
  if (tip === undefined)
    throw new GitFault("git_failed", "git fast-import did not name its commit. Check the installed git; then try again.");
  const path = scratch.resolvePath("made.pack");
  await repository.git.readOutput({
    gitDir: scratch.gitDir,
    args: ["pack-objects", "--revs", "--stdout", "--quiet", "--threads=1"],
    input: Buffer.from(commit.parent === undefined ? `${tip}\n` : `${tip}\n^${commit.parent}\n`),
    outputPath: path,
    signal,
  });
  const pack = await checkPack(repository, { path, offsetBytes: 0 }, limits, signal);
  return pack.ok ? { ok: true, value: { tip, pack: pack.value } } : pack;
}

/** Source: git-fast-import(1). */
async function* buildImportStream({ parent, files, message, iatMs }: FilesCommit): AsyncGenerator<string | Uint8Array> {
  yield `commit ${SCRATCH_REF}\nmark :1\n`;
  yield `committer ${REGISTRY_IDENTITY.name} <${REGISTRY_IDENTITY.email}> ${toGitSeconds(iatMs)} +0000\n`;
  yield `data ${Buffer.byteLength(message)}\n${message}\n`;
  if (parent !== undefined) yield `from ${parent}\n`;
  for await (const { path, bytes } of files) {
    if (!PLAIN_PATH.test(path)) throw new TypeError(`${JSON.stringify(path)} is no plain path; make paths from parsed ids alone.`);
    yield `M 100644 inline ${path}\ndata ${bytes.byteLength}\n`;
    if (bytes.byteLength > 0) yield bytes;
    yield "\n";
  }
  yield "get-mark :1\ndone\n";
}
