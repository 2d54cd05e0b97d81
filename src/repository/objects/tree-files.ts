import { GitFault } from "../git-fault.js";
import type { OpenRepository } from "../open-repository.js";

/** Well below the limit for the arguments of a command. */
const PATHS_AT_ONCE = 500;

export interface TreeFile {
  readonly path: string;
  readonly id: string;
}

/**
 * Lists the files of a commit at these paths. A path that ends with `/` stands for the files directly in that folder. Absent paths are
 * omitted.
 */
export async function listTreeFiles(repository: OpenRepository, commit: string, paths: readonly string[]): Promise<readonly TreeFile[]> {
  const found: TreeFile[] = [];
  for (let at = 0; at < paths.length; at += PATHS_AT_ONCE) {
    const listing = await repository.readGitOutput({
      args: ["--literal-pathspecs", "ls-tree", "-z", commit, "--", ...paths.slice(at, at + PATHS_AT_ONCE)],
    });
    found.push(...parseTreeFiles(listing));
  }
  return found;
}

function parseTreeFiles(listing: Buffer): TreeFile[] {
  return listing
    .toString("utf8")
    .split("\0")
    .flatMap((entry) => {
      const [, id, path] = /^100644 blob ([0-9a-f]{40})\t(.+)$/s.exec(entry) ?? [];
      return id === undefined || path === undefined ? [] : [{ path, id }];
    });
}

/**
 * Reads the bytes of a file.
 *
 * @throws GitFault `git_failed` if an object that existed a moment ago no longer does.
 */
export async function readTreeFile(repository: OpenRepository, { id, path }: TreeFile): Promise<Buffer> {
  const object = await repository.getReader().read(id);
  if (object === undefined)
    throw new GitFault("git_failed", `${path} (${id}) no longer exists, because the cache was deleted meanwhile. Try again.`);
  return object.bytes;
}
