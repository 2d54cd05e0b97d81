import { mkdirSync, writeFileSync } from "node:fs";
import { denied, granted, type Outcome } from "../domain/denial.js";
import { EMPTY_TREE } from "./history.js";
import type { OpenRepository } from "./open-repository.js";
import { fileBytes } from "./tree-files.js";
import { withinLimits } from "./within-limits.js";

/** Far more than a repository has; they are all written to a disk. */
const FILES_MAX_COUNT = 10_000;
const FILES_MAX_BYTES = 16 * 1024 * 1024;

/** The longest name of a file or folder that a working tree can have. */
const NAME_MAX_BYTES = 255;

/**
 * A folder with the `.gitattributes` of a commit and nothing else, for git to merge in; undefined where it has none. What a commit says of
 * its files (`-merge`, `binary`, `merge=union`) then counts as it does in a clean checkout of it. Denial: `limit_exceeded`.
 */
export async function attributesFolder(
  repository: OpenRepository,
  commit: string,
  signal: AbortSignal,
): Promise<Outcome<string | undefined>> {
  const scratch = repository.scratch();
  const listed = await withinLimits(
    repository.git.output({
      gitDir: scratch.gitDir,
      args: ["diff-tree", "-r", "-z", "--no-renames", EMPTY_TREE, commit, "--", ":(glob)**/.gitattributes"],
      signal,
    }),
    TOO_MANY,
  );
  if (!listed.ok) return listed;
  const files = attributeFiles(listed.value);
  if (files.length === 0) return granted(undefined);
  if (files.length > FILES_MAX_COUNT) return denied("limit_exceeded", TOO_MANY);
  const root = scratch.file("attributes");
  let left_bytes = FILES_MAX_BYTES;
  for (const { id, path } of files) {
    signal.throwIfAborted();
    const bytes = await fileBytes(repository, { id, path });
    left_bytes -= bytes.byteLength;
    if (left_bytes < 0) return denied("limit_exceeded", TOO_MANY);
    // Names are bytes: what is no UTF-8 has to come out as it is.
    const file = Buffer.from(path, "latin1");
    mkdirSync(Buffer.concat([Buffer.from(`${root}/`), file.subarray(0, file.lastIndexOf("/") + 1)]), { recursive: true });
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), file]), bytes);
  }
  return granted(root);
}

const TOO_MANY = `The target has more .gitattributes than can be read for a merge (${FILES_MAX_COUNT}, or ${FILES_MAX_BYTES} bytes). Merge with fewer.`;

/** Regular files alone, as git reads no other; what no working tree can hold says nothing in one either. */
function attributeFiles(listing: Buffer): { id: string; path: string }[] {
  const fields = listing.toString("latin1").split("\0");
  return fields.flatMap((field, at) => {
    const id = /^:000000 100(?:644|755) 0{40} ([0-9a-f]{40}) A$/.exec(field)?.[1];
    const path = fields[at + 1];
    if (id === undefined || path === undefined) return [];
    const isWritable = path.split("/").every((name) => name !== "" && name !== "." && name !== ".." && name.length <= NAME_MAX_BYTES);
    return isWritable ? [{ id, path }] : [];
  });
}
