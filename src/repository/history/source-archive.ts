import type { OpenRepository } from "../open-repository.js";
import { createScratch } from "../scratch.js";

/** Longer than any caller's signal allows. */
const ARCHIVE_MAX_MS = 24 * 3_600_000;

/**
 * Writes the tree of a commit as `tar.gz` to a new file in the act's scratch folder. The archive is reproducible: git dates every file by
 * the commit, its gzip stores neither name nor time (`gzip -n`), and the repository has no refs, so `export-subst` writes nothing that
 * can change.
 */
export async function writeSourceArchive(repository: OpenRepository, commit: string, folder: string): Promise<string> {
  const path = repository.getScratch().resolvePath("source.tar.gz");
  const bare = createScratch(repository.git.scope, repository.cache.objects);
  try {
    await repository.git.readOutput({
      gitDir: bare.gitDir,
      args: ["-c", "tar.tar.gz.command=git archive gzip", "archive", "--format=tar.gz", `--prefix=${folder}/`, commit],
      outputPath: path,
      timeoutMs: ARCHIVE_MAX_MS,
      signal: repository.signal,
    });
  } finally {
    bare.remove();
  }
  return path;
}
