import { mkdirSync, writeFileSync } from "node:fs";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { EMPTY_TREE } from "../../domain/git/git-id.js";
import { readTreeFile } from "../objects/tree-files.js";
import type { OpenRepository } from "../open-repository.js";
import type { ListedAttributes } from "../project-memory.js";
import { runWithinLimits } from "../within-limits.js";

/** Far more than a repository has. All of them are written to disk. */
const FILES_MAX_COUNT = 10_000;
const FILES_MAX_BYTES = 16 * 1024 * 1024;

/** A larger listing is not kept in memory, because one of the maximum size per repository would not fit. */
const REMEMBERED_MAX_BYTES = 64 * 1024;

/** The maximum length of a file or folder name in a working tree. */
const NAME_MAX_BYTES = 255;

/**
 * Writes the `.gitattributes` of a commit, and nothing else, to a folder in which git can merge. The attributes (`-merge`, `binary`,
 * `merge=union`) then apply as in a clean checkout of the commit. Returns undefined if the commit has none. Denial: `limit_exceeded`.
 */
export async function writeAttributesFolder(repository: OpenRepository, commit: string): Promise<Outcome<string | undefined>> {
  const listed = await listAttributes(repository, commit);
  if (!listed.ok) return listed;
  const { files } = listed.value;
  if (files.size === 0) return grantValue(undefined);
  const root = repository.getScratch().resolvePath("attributes");
  let leftBytes = FILES_MAX_BYTES;
  for (const [path, id] of files) {
    repository.signal.throwIfAborted();
    const bytes = await readTreeFile(repository, { id, path });
    leftBytes -= bytes.byteLength;
    if (leftBytes < 0) return denyWith("limit_exceeded", TOO_MANY);
    // Names are bytes and need not be UTF-8.
    const file = Buffer.from(path, "latin1");
    mkdirSync(Buffer.concat([Buffer.from(`${root}/`), file.subarray(0, file.lastIndexOf("/") + 1)]), { recursive: true });
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), file]), bytes);
  }
  return grantValue(root);
}

const TOO_MANY = `The target has more .gitattributes than can be read for a merge (${FILES_MAX_COUNT}, or ${FILES_MAX_BYTES} bytes). Merge with fewer.`;

const NO_ATTRIBUTES: ListedAttributes = { commit: EMPTY_TREE, files: new Map() };

/** Reads only the differences from the commit that was last merged into, because branches are merged into repeatedly. */
async function listAttributes(repository: OpenRepository, commit: string): Promise<Outcome<ListedAttributes>> {
  const { memory } = repository.cache;
  const before = memory.attributes ?? NO_ATTRIBUTES;
  if (before.commit === commit) return grantValue(before);
  const changes = await runWithinLimits(
    repository.readGitOutput({
      args: ["diff-tree", "-r", "-z", "--no-renames", before.commit, commit, "--", ":(glob)**/.gitattributes"],
    }),
    TOO_MANY,
  );
  if (!changes.ok) return changes;
  const files = new Map(before.files);
  for (const { path, id } of parseChangedFiles(changes.value))
    if (id === undefined) files.delete(path);
    else files.set(path, id);
  if (files.size > FILES_MAX_COUNT) return denyWith("limit_exceeded", TOO_MANY);
  const listed = { commit, files };
  // Copied, because the strings are slices that would keep the whole listing in memory.
  memory.attributes = countListingBytes(files) > REMEMBERED_MAX_BYTES ? undefined : structuredClone(listed);
  return grantValue(listed);
}

function countListingBytes(files: ReadonlyMap<string, string>): number {
  let sizeBytes = 0;
  for (const [path, id] of files) sizeBytes += path.length + id.length;
  return sizeBytes;
}

/**
 * Parses the state of each path from `diff-tree -z`. The id is undefined unless the path is a regular file, because git reads only those.
 * Paths that no working tree can contain are omitted.
 */
function parseChangedFiles(listing: Buffer): { path: string; id: string | undefined }[] {
  const fields = listing.toString("latin1").split("\0");
  return fields.flatMap((field, at) => {
    const [, mode = "", id] = /^:\d{6} (\d{6}) [0-9a-f]{40} ([0-9a-f]{40}) [A-Z]$/.exec(field) ?? [];
    const path = fields[at + 1];
    if (mode === "" || path === undefined) return [];
    const isWritable = path.split("/").every((name) => name !== "" && name !== "." && name !== ".." && name.length <= NAME_MAX_BYTES);
    return isWritable ? [{ path, id: mode.startsWith("100") ? id : undefined }] : [];
  });
}
