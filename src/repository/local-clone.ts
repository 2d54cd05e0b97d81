import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openFolderForReading } from "../storage/directory/store.js";
import type { ObjectStore } from "../storage/ports.js";
import { type Refs, serialisePackedRefs } from "./refs/packed-refs.js";
import { type RepositoryName, toRepositoryKeys } from "./repository-key.js";
import { createScratch } from "./scratch.js";
import type { StockGit } from "./stock-git/stock-git.js";

/** Longer than any clone takes to pack. */
const PACK_MAX_MS = 24 * 3_600_000;

/**
 * Opens a local clone as a store that has only this repository, read-only, so that everything that reads a stored repository reads the
 * clone. Branches and tags are those of the clone. Copies its objects into the scope of `git`.
 *
 * @throws GitFault `git_failed` if there is no clone.
 */
export async function openLocalClone(git: StockGit, clone: string, name: RepositoryName): Promise<ObjectStore> {
  const root = join(git.scope.createFolder("clones"), randomUUID());
  const keys = toRepositoryKeys(name);
  const packs = join(root, keys.packs);
  await mkdir(packs, { recursive: true });
  const gitDir = (await git.readOutput({ args: ["-C", clone, "rev-parse", "--path-format=absolute", "--git-common-dir"] }))
    .toString()
    .trim();
  const scratch = createScratch(git.scope, join(gitDir, "objects"));
  try {
    const list = { args: ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)", "--unordered"] };
    const ids = scratch.resolvePath("ids");
    await git.readOutput({ ...list, gitDir: scratch.gitDir, outputPath: ids, timeoutMs: PACK_MAX_MS });
    await git.readOutput({
      args: ["pack-objects", "--quiet", join(packs, "pack")],
      gitDir: scratch.gitDir,
      input: { path: ids, offsetBytes: 0 },
      timeoutMs: PACK_MAX_MS,
    });
  } finally {
    scratch.remove();
  }
  await mkdir(dirname(join(root, keys.packedRefs)), { recursive: true });
  await writeFile(join(root, keys.packedRefs), serialisePackedRefs(await readCloneRefs(git, gitDir)));
  return openFolderForReading(root);
}

async function readCloneRefs(git: StockGit, gitDir: string): Promise<Refs> {
  const format = "--format=%(objectname) %(refname) %(*objectname)";
  const answer = await git.readOutput({ args: [`--git-dir=${gitDir}`, "for-each-ref", format, "refs/heads", "refs/tags"] });
  const lines = answer
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "");
  return new Map(
    lines.map((line) => {
      const [id = "", ref = "", peeled = ""] = line.split(" ");
      return [ref, peeled === "" ? { id } : { id, peeled }] as const;
    }),
  );
}
