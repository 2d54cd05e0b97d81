import { open, readFile } from "node:fs/promises";
import { INLINE_PATCH_MAX_BYTES } from "../../domain/act/job.js";
import { type Blake3Hex, hashBlake3HexOfStream } from "../../domain/bytes/hash.js";
import { runGit, runGitForLines, runGitIntoFile } from "./git-command.js";
import { readGrowingFile } from "./growing-file.js";

/** A git bundle file with one tip. */
export interface Bundle {
  readonly path: string;
  readonly sizeBytes: number;
  readonly blake3: Blake3Hex;
  readonly tip: string;
  /** The number of its commits. */
  readonly commits: number;
}

/**
 * Bundles the commits of a ref that the receiver lacks. If it lacks none, bundles the tip's commit again, because a bundle cannot be
 * empty.
 *
 * @throws GitRefused
 */
export async function createBundle(folder: string, ref: string, held: readonly string[], path: string): Promise<Bundle> {
  const tip = (await runGit(folder, ["rev-parse", "--verify", "--quiet", `${ref}^{commit}`])).trim();
  const present = await listPresentCommits(folder, held);
  const some = await runGit(folder, ["rev-list", "--max-count=1", "--stdin"], formatRevisions(tip, present));
  const without = some !== "" ? present : (await runGit(folder, ["rev-list", "--parents", "-1", tip])).trim().split(" ").slice(1);
  const [written, fresh] = await Promise.all([
    writeBundle(folder, ref, without, path),
    runGit(folder, ["rev-list", "--count", "--stdin"], formatRevisions(tip, present)),
  ]);
  return { path, ...written, tip, commits: Math.max(1, Number(fresh)) };
}

/** Hashes the bundle while git writes it. */
async function writeBundle(folder: string, ref: string, without: readonly string[], path: string) {
  const file = await open(path, "w+");
  try {
    const args = ["bundle", "create", "--quiet", "-", ref, "--stdin"];
    const writing = runGitIntoFile(folder, args, without.map((id) => `^${id}\n`).join(""), file);
    const [blake3] = await Promise.all([hashBlake3HexOfStream(readGrowingFile(file, writing)), writing]);
    return { blake3, sizeBytes: (await file.stat()).size };
  } finally {
    await file.close();
  }
}

/** Returns the bundle in base64 if it fits inside a command; `undefined` if it must be staged. */
export async function readInlinePatch(bundle: Bundle): Promise<string | undefined> {
  return bundle.sizeBytes > INLINE_PATCH_MAX_BYTES ? undefined : (await readFile(bundle.path)).toString("base64");
}

/** Returns the ids that are commits of this repository. */
async function listPresentCommits(folder: string, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const lines = await runGitForLines(
    folder,
    ["cat-file", "--batch-check=%(objectname) %(objecttype)"],
    ids.map((id) => `${id}\n`).join(""),
  );
  return lines.filter((line) => line.endsWith(" commit")).map((line) => line.split(" ")[0] ?? "");
}

/** Formats the commits of `tip` that `without` lack, for git's `--stdin`. */
export function formatRevisions(tip: string, without: readonly string[]): string {
  return [tip, ...without.map((id) => `^${id}`)].map((line) => `${line}\n`).join("");
}
