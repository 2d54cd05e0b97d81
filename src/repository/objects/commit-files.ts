import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Outcome } from "../../domain/denial.js";
import { REGISTRY_IDENTITY } from "../../domain/git/registry-identity.js";
import { GitFault } from "../git-fault.js";
import type { IncomingLimits } from "../incoming/incoming-limits.js";
import type { OpenRepository } from "../open-repository.js";
import type { CheckedPack } from "../packs/checked-pack.js";
import { makePack } from "../packs/make-pack.js";
import { writeCommit } from "./commit-object.js";
import type { Making } from "./making.js";

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
  readonly making: Making;
}

const PLAIN_PATH = /^[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/;
/** The ref of the scratch repository that fast-import moves to a commit of the files, which has the tree and nothing else of use. */
const SCRATCH_REF = "refs/made/files";

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
  const tree = /^040000 tree ([0-9a-f]{40})\t\n$/.exec(answer.toString("latin1"))?.[1];
  if (tree === undefined)
    throw new GitFault("git_failed", "git fast-import did not name its tree. Check the installed git; then try again.");
  const { parent, message, making } = commit;
  const text = { author: { ...REGISTRY_IDENTITY, date: undefined }, message };
  const tip = await writeCommit(scratch, tree, parent === undefined ? [] : [parent], text, making);
  const range = parent === undefined ? [tip] : [tip, `^${parent}`];
  const pack = await makePack(repository, ["--revs"], range, limits);
  return pack.ok ? { ok: true, value: { tip, pack: pack.value } } : pack;
}

/** Source: git-fast-import(1). */
async function* buildImportStream({ parent, files }: FilesCommit): AsyncGenerator<string | Uint8Array> {
  yield `commit ${SCRATCH_REF}\nmark :1\ncommitter ${REGISTRY_IDENTITY.name} <${REGISTRY_IDENTITY.email}> 0 +0000\ndata 0\n\n`;
  if (parent !== undefined) yield `from ${parent}\n`;
  for await (const { path, bytes } of files) {
    if (!PLAIN_PATH.test(path)) throw new TypeError(`${JSON.stringify(path)} is not a plain path; build paths only from parsed ids.`);
    yield `M 100644 inline ${path}\ndata ${bytes.byteLength}\n`;
    if (bytes.byteLength > 0) yield bytes;
    yield "\n";
  }
  // An empty line ends the commit.
  yield '\nls :1 ""\ndone\n';
}
