import { type Denial, denial } from "../../domain/denial.js";
import type { OpenRepository } from "../open-repository.js";
import { withinLimits } from "../within-limits.js";

/** How long git may walk a tree: shared trees can stand for more paths than anybody could walk. */
const WALK_MAX_MS = 60_000;

/** The sizes of about two million paths. */
const WALK_MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** The unit of tar: a header for every path, and the content filled up to whole blocks (POSIX pax). */
const TAR_BLOCK_BYTES = 512;

/** Why the source archive of a commit would be too large, or undefined. */
export async function archiveProblem(
  repository: OpenRepository,
  commit: string,
  max_bytes: number,
  signal: AbortSignal,
): Promise<Denial | undefined> {
  const walk = repository.git.output({
    gitDir: repository.scratch().gitDir,
    args: ["ls-tree", "-r", "-t", "--full-tree", "--format=%(objectsize)", commit],
    output_max_bytes: WALK_MAX_OUTPUT_BYTES,
    timeout_ms: WALK_MAX_MS,
    signal,
  });
  const sizes = await withinLimits(
    walk,
    `Commit ${commit} has more paths than a release's source archive can hold. Release a smaller tree.`,
  );
  if (!sizes.ok) return sizes.denial;
  const archive_bytes = tarBytes(sizes.value);
  if (archive_bytes <= max_bytes) return undefined;
  return denial(
    "limit_exceeded",
    `The source archive of ${commit} would have ${archive_bytes} bytes before it is compressed; ${max_bytes} are allowed. Release a smaller tree.`,
  );
}

/** What one line for each path comes to: the decimal size of a file, or "-" for what has none. */
function tarBytes(lines: Uint8Array): number {
  const [lineEnd, zero, nine] = [0x0a, 0x30, 0x39];
  let total_bytes = 0;
  let size_bytes = 0;
  for (const byte of lines) {
    if (byte === lineEnd) {
      total_bytes += TAR_BLOCK_BYTES * (1 + Math.ceil(size_bytes / TAR_BLOCK_BYTES));
      size_bytes = 0;
    } else if (byte >= zero && byte <= nine) size_bytes = size_bytes * 10 + (byte - zero);
  }
  return total_bytes;
}
