import { buildDenial, type Denial } from "../../domain/denial.js";
import type { OpenRepository } from "../open-repository.js";
import { runWithinLimits } from "../within-limits.js";

/** Limits the walk of a tree, because shared trees can have more paths than can be walked. */
const WALK_MAX_MS = 60_000;

/** Enough for the sizes of about two million paths. */
const WALK_MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** The block size of tar: one block for the header of each path, followed by those of its content (POSIX pax). */
const TAR_BLOCK_BYTES = 512;

/** Returns a denial if the source archive of a commit would be too large. */
export async function checkArchiveSize(repository: OpenRepository, commit: string, maxBytes: number): Promise<Denial | undefined> {
  const walk = repository.readGitOutput({
    args: ["ls-tree", "-r", "-t", "--full-tree", "--format=%(objectsize)", commit],
    outputMaxBytes: WALK_MAX_OUTPUT_BYTES,
    timeoutMs: WALK_MAX_MS,
  });
  const sizes = await runWithinLimits(
    walk,
    `Commit ${commit} has more paths than a release's source archive can hold. Release a smaller tree.`,
  );
  if (!sizes.ok) return sizes.denial;
  const archiveBytes = computeTarBytes(sizes.value);
  if (archiveBytes <= maxBytes) return undefined;
  return buildDenial(
    "limit_exceeded",
    `The source archive of ${commit} would have ${archiveBytes} bytes before compression; ${maxBytes} are allowed. Release a smaller tree.`,
  );
}

/** Computes the size of an archive from one line per path: the decimal size of a file, or "-" for other entries. */
function computeTarBytes(lines: Uint8Array): number {
  const [lineEnd, zero, nine] = [0x0a, 0x30, 0x39];
  let totalBytes = 0;
  let sizeBytes = 0;
  for (const byte of lines) {
    if (byte === lineEnd) {
      totalBytes += TAR_BLOCK_BYTES * (1 + Math.ceil(sizeBytes / TAR_BLOCK_BYTES));
      sizeBytes = 0;
    } else if (byte >= zero && byte <= nine) sizeBytes = sizeBytes * 10 + (byte - zero);
  }
  return totalBytes;
}
