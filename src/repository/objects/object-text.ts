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
  readonly isTree: boolean;
  /** A commit of another repository: its object is not here. */
  readonly isSubmodule: boolean;
  readonly name: string;
  readonly nameBytes: number;
  readonly id: string;
}

/** The tree and parents of a commit. @throws GitFault `repository_invalid` for bytes that do not pass fsck. */
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

/** The entries of a tree, in its order. @throws GitFault `repository_invalid`. */
export function parseTree(bytes: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const nul = bytes.indexOf(0, space);
    if (space === -1 || nul === -1 || nul + 21 > bytes.length) throw buildObjectFault("tree");
    const mode = bytes.toString("latin1", at, space);
    entries.push({
      // Old histories have trees of mode 040000.
      isTree: /^0*40000$/.test(mode),
      isSubmodule: mode === "160000",
      name: bytes.toString("utf8", space + 1, nul),
      nameBytes: nul - space - 1,
      id: bytes.toString("hex", nul + 1, nul + 21),
    });
    at = nul + 21;
  }
  return entries;
}

function buildObjectFault(type: ObjectType): GitFault {
  return new GitFault(
    "repository_invalid",
    `A ${type} cannot be parsed although it was checked on its way in. Restore the repository from a copy.`,
  );
}
