import type { OpenRepository } from "../open-repository.js";
import { createScratch } from "../scratch.js";

/** The caller's signal says how long it may take; this only has to be longer. */
const ARCHIVE_MAX_MS = 24 * 3_600_000;

/**
 * Writes the tree of a commit as `tar.gz` to a new file below the act's scratch folder. Reproducible: `git archive --format=tar.gz`
 * dates every file by the commit and its gzip names no file and no time (`gzip -n`). The repository it runs in has no refs, so
 * that `export-subst` cannot write what depends on the day.
 */
export async function writeSourceArchive(repository: OpenRepository, commit: string, folder: string, signal: AbortSignal): Promise<string> {
  const path = repository.getScratch().resolvePath("source.tar.gz");
  const bare = createScratch(repository.git.scope, repository.cache.objects);
  try {
    await repository.git.readOutput({
      gitDir: bare.gitDir,
      args: ["-c", "tar.tar.gz.command=git archive gzip", "archive", "--format=tar.gz", `--prefix=${folder}/`, commit],
      outputPath: path,
      timeoutMs: ARCHIVE_MAX_MS,
      signal,
    });
  } finally {
    bare.remove();
  }
  return path;
}
