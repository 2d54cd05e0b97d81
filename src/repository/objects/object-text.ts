import { GitFault } from "../git-fault.js";

export type ObjectType = "commit" | "tree" | "blob" | "tag";

export interface GitObject {
  readonly type: ObjectType;
  readonly bytes: Buffer;
}

/** The links of a commit. */
export interface CommitLinks {
  readonly tree: string;
  readonly parents: readonly string[];
}

export interface TreeEntry {
  /** The object of a `submodule` is a commit of another repository. */
  readonly kind: "tree" | "file" | "link" | "submodule";
  readonly name: string;
  /** The bytes of the name, one character each. Names need not be UTF-8, so two different ones can have the same `name`. */
  readonly rawName: string;
  readonly id: string;
}

/**
 * Parses the tree and parents of a commit.
 *
 * @throws GitFault `repository_invalid` for bytes that do not pass fsck.
 */
export function parseCommitLinks(bytes: Buffer): CommitLinks {
  const end = bytes.indexOf("\n\n");
  const lines = bytes
    .subarray(0, end === -1 ? bytes.length : end)
    .toString("latin1")
    .split("\n");
  const tree = /^tree ([0-9a-f]{40})$/.exec(lines[0] ?? "")?.[1];
  if (tree === undefined) throw buildObjectFault("commit");
  const parents: string[] = [];
  for (const line of lines.slice(1)) {
    const parent = /^parent ([0-9a-f]{40})$/.exec(line)?.[1];
    if (parent === undefined) break;
    parents.push(parent);
  }
  return { tree, parents };
}

/**
 * Parses the entries of a tree, in order.
 *
 * @throws GitFault `repository_invalid`
 */
export function parseTree(bytes: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const nul = bytes.indexOf(0, space);
    if (space === -1 || nul === -1 || nul + 21 > bytes.length) throw buildObjectFault("tree");
    entries.push({
      kind: toEntryKind(Number.parseInt(bytes.toString("latin1", at, space), 8)),
      name: bytes.toString("utf8", space + 1, nul),
      rawName: bytes.toString("latin1", space + 1, nul),
      id: bytes.toString("hex", nul + 1, nul + 21),
    });
    at = nul + 21;
  }
  return entries;
}

/** Interprets modes as git does: only by the file type, and an unknown type is a submodule. */
function toEntryKind(mode: number): TreeEntry["kind"] {
  switch (mode & 0o170000) {
    case 0o040000:
      return "tree";
    case 0o100000:
      return "file";
    case 0o120000:
      return "link";
    default:
      return "submodule";
  }
}

function buildObjectFault(type: ObjectType): GitFault {
  return new GitFault(
    "repository_invalid",
    `A ${type} cannot be parsed although it was checked when it was pushed. Restore the repository from a copy.`,
  );
}
