import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { denied, granted, type Outcome } from "../domain/denial.js";
import { allocationLimit, type IncomingLimits } from "./incoming-limits.js";
import type { CheckedPack, OpenRepository } from "./open-repository.js";
import { parsePackIndex } from "./pack-index.js";
import { packRefusal } from "./pack-refusal.js";
import { oversizedObject } from "./pack-sizes.js";
import { gitFailed } from "./stock-git.js";

/** A pack above this size is read and streamed from its file. */
const IN_MEMORY_MAX_BYTES = 1024 * 1024;

/**
 * Takes a pack into the scratch repository, completes it if it is thin, and checks every object: fsck with warnings as errors, and that
 * whatever an object links to is in the pack or in the repository. The repository holds only what passed here, so by induction all
 * that is reachable from a checked object exists: as strict as walking from the tip to the existing refs, without the walk.
 * Undefined for an empty pack. Denials: `bundle_invalid`, `objects_invalid`, `limit_exceeded`.
 */
export async function checkPack(
  repository: OpenRepository,
  input: Uint8Array | { path: string; offset_bytes: number },
  limits: IncomingLimits,
  signal: AbortSignal,
): Promise<Outcome<CheckedPack | undefined>> {
  const scratch = repository.scratch();
  const call = {
    gitDir: scratch.gitDir,
    args: ["index-pack", "--stdin", "--fix-thin", "--strict", `--max-input-size=${limits.pack_max_bytes}`],
    input,
    env: allocationLimit(limits),
    signal,
  };
  const answer = await repository.git.run(call);
  if (answer.code !== 0) {
    const refusal = packRefusal(answer.stderr, limits);
    if (refusal === undefined) throw gitFailed(call, answer);
    return { ok: false, denial: refusal };
  }
  const hash = /([0-9a-f]{40})\s*$/.exec(answer.stdout.toString("latin1"))?.[1];
  if (hash === undefined) throw gitFailed(call, answer);
  const packPath = join(scratch.gitDir, "objects", "pack", `pack-${hash}.pack`);
  const indexPath = packPath.replace(/pack$/, "idx");
  const indexBytes = readFileSync(indexPath);
  const index = parsePackIndex(indexBytes);
  if (index.count === 0) return granted(undefined);
  // Completing a thin pack adds the bases of its deltas.
  if (index.count > limits.objects_max_count)
    return denied("limit_exceeded", `The push has ${index.count} objects; ${limits.objects_max_count} are allowed at once.`);
  const large = await oversizedObject(packPath, index, limits.blob_max_bytes);
  if (large !== undefined)
    return denied(
      "limit_exceeded",
      `Object ${large} is larger than ${limits.blob_max_bytes} bytes. Keep large files outside of the repository.`,
    );
  const pack_bytes = statSync(packPath).size;
  const bytes = pack_bytes > IN_MEMORY_MAX_BYTES ? undefined : { pack: readFileSync(packPath), index: indexBytes };
  return granted({ hash, packPath, indexPath, pack_bytes, index_bytes: indexBytes.length, index, bytes });
}
