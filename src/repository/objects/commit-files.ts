import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Outcome } from "../../domain/denial.js";
import { GitFault } from "../git-fault.js";
import type { IncomingLimits } from "../incoming/incoming-limits.js";
import type { OpenRepository } from "../open-repository.js";
import type { CheckedPack } from "../packs/checked-pack.js";
import { makePack } from "../packs/make-pack.js";
import { REGISTRY_IDENTITY, toGitSeconds } from "../registry-identity.js";

export interface CommittedFile {
  /** Only letters, digits and `._/-`, so that git reads it without quoting. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface FilesCommit {
  /** Undefined for the first commit of a branch. */
  readonly parent: string | undefined;
  /** Files to add or replace. Every other file of the parent stays as it is. */
  readonly files: AsyncIterable<CommittedFile>;
  readonly message: string;
  /** The permit's `iat`, so that a retry creates the same bytes. */
  readonly iatMs: number;
}

const PLAIN_PATH = /^[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/;
/** The ref of the scratch repository that fast-import moves to its commit. */
const SCRATCH_REF = "refs/made/commit";

/**
 * Creates one commit by the registry that adds or replaces whole files, and a pack of what it adds. Nothing is visible yet. Denials:
 * those of a pack, including `limit_exceeded` for a file that is too large.
 */
export async function commitFiles(
  repository: OpenRepository,
  commit: FilesCommit,
  limits: IncomingLimits,
): Promise<Outcome<{ readonly tip: string; readonly pack: CheckedPack | undefined }>> {
  const scratch = repository.getScratch();
  const stream = scratch.resolvePath("made.import");
  // The stream goes through a file, so that only one committed file at a time is in memory.
  await pipeline(Readable.from(buildImportStream(commit)), createWriteStream(stream, { flags: "wx" }), { signal: repository.signal });
  const answer = await repository.readGitOutput({
    args: ["fast-import", "--quiet", "--done"],
    input: { path: stream, offsetBytes: 0 },
  });
  const tip = /^([0-9a-f]{40})\n$/.exec(answer.toString("latin1"))?.[1];
  if (tip === undefined)
    throw new GitFault("git_failed", "git fast-import did not name its commit. Check the installed git; then try again.");
  const range = commit.parent === undefined ? [tip] : [tip, `^${commit.parent}`];
  const pack = await makePack(repository, ["--revs"], range, limits);
  return pack.ok ? { ok: true, value: { tip, pack: pack.value } } : pack;
}

/** Source: git-fast-import(1). */
async function* buildImportStream({ parent, files, message, iatMs }: FilesCommit): AsyncGenerator<string | Uint8Array> {
  yield `commit ${SCRATCH_REF}\nmark :1\n`;
  yield `committer ${REGISTRY_IDENTITY.name} <${REGISTRY_IDENTITY.email}> ${toGitSeconds(iatMs)} +0000\n`;
  yield `data ${Buffer.byteLength(message)}\n${message}\n`;
  if (parent !== undefined) yield `from ${parent}\n`;
  for await (const { path, bytes } of files) {
    if (!PLAIN_PATH.test(path)) throw new TypeError(`${JSON.stringify(path)} is not a plain path; build paths only from parsed ids.`);
    yield `M 100644 inline ${path}\ndata ${bytes.byteLength}\n`;
    if (bytes.byteLength > 0) yield bytes;
    yield "\n";
  }
  yield "get-mark :1\ndone\n";
}
