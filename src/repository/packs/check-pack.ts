import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Denial, denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { buildAllocationLimitEnv, type IncomingLimits } from "../incoming/incoming-limits.js";
import type { OpenRepository } from "../open-repository.js";
import { toGitFault } from "../stock-git/stock-git.js";
import type { CheckedPack } from "./checked-pack.js";
import { parsePackIndex } from "./pack-index.js";
import { toPackDenial } from "./pack-refusal.js";
import { findOversizedObject } from "./pack-sizes.js";
import { findOversizedObjectByGit } from "./sizes-by-git.js";

/** A pack above this size is read and streamed from its file. */
const IN_MEMORY_MAX_BYTES = 1024 * 1024;

/** git need not wait for the disk: what it writes here counts only once it is stored, and is flushed meanwhile. */
const NO_FLUSH = { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "core.fsync", GIT_CONFIG_VALUE_0: "none" };

/** As {@link takePack}, and the sizes of its objects too, whatever the pack's own size. */
export async function checkPack(
  repository: OpenRepository,
  input: Uint8Array | { path: string; offsetBytes: number },
  limits: IncomingLimits,
  signal: AbortSignal,
): Promise<Outcome<CheckedPack | undefined>> {
  const taken = await takePack(repository, input, limits, signal);
  if (!taken.ok || taken.value === undefined) return taken;
  const tooLarge = await checkObjectSizes(repository, taken.value, limits, signal);
  return tooLarge === undefined ? taken : wrapDenial(tooLarge);
}

/**
 * Takes a pack into the scratch repository, completes it if it is thin, and checks every object: fsck with warnings as errors, and that
 * whatever an object links to is in the pack or in the repository. The repository holds only what passed here, so by induction all
 * that is reachable from a checked object exists: as strict as walking from the tip to the existing refs, without the walk.
 * Undefined for an empty pack. Of a large pack {@link checkObjectSizes} is still to be asked. Denials: `bundle_invalid`, `objects_invalid`,
 * `limit_exceeded`.
 */
export async function takePack(
  repository: OpenRepository,
  input: Uint8Array | { path: string; offsetBytes: number },
  limits: IncomingLimits,
  signal: AbortSignal,
): Promise<Outcome<CheckedPack | undefined>> {
  const scratch = repository.getScratch();
  const call = {
    gitDir: scratch.gitDir,
    args: ["index-pack", "--stdin", "--fix-thin", "--strict", `--max-input-size=${limits.packMaxBytes}`],
    input,
    env: { ...buildAllocationLimitEnv(limits), ...NO_FLUSH },
    signal,
  };
  const answer = await repository.git.run(call);
  if (answer.code !== 0) {
    const refusal = toPackDenial(answer.stderr, limits);
    if (refusal === undefined) throw toGitFault(call, answer);
    return wrapDenial(refusal);
  }
  const hash = /([0-9a-f]{40})\s*$/.exec(answer.stdout.toString("latin1"))?.[1];
  if (hash === undefined) throw toGitFault(call, answer);
  const packPath = join(scratch.gitDir, "objects", "pack", `pack-${hash}.pack`);
  const indexPath = packPath.replace(/pack$/, "idx");
  const indexBytes = readFileSync(indexPath);
  const index = parsePackIndex(indexBytes);
  if (index.count === 0) return grantValue(undefined);
  // Completing a thin pack adds the bases of its deltas.
  if (index.count > limits.objectsMaxCount)
    return denyWith("limit_exceeded", `The push has ${index.count} objects; ${limits.objectsMaxCount} are allowed at once.`);
  const packSizeBytes = statSync(packPath).size;
  const pack = { hash, packPath, indexPath, packSizeBytes, indexSizeBytes: indexBytes.length, index };
  if (packSizeBytes > IN_MEMORY_MAX_BYTES) return grantValue({ ...pack, bytes: undefined });
  const large = await findOversizedObject(packPath, index, limits.blobMaxBytes);
  if (large !== undefined) return wrapDenial(denyLargeObject(large, limits));
  return grantValue({ ...pack, bytes: { pack: readFileSync(packPath), index: indexBytes } });
}

/** The denial of a large pack that has an object above the limit; a small one was looked at when it was taken. */
export async function checkObjectSizes(
  repository: OpenRepository,
  pack: CheckedPack | undefined,
  limits: IncomingLimits,
  signal: AbortSignal,
): Promise<Denial | undefined> {
  if (pack === undefined || pack.bytes !== undefined) return undefined;
  const large = await findOversizedObjectByGit(repository.git, repository.getScratch().gitDir, pack.index, limits.blobMaxBytes, signal);
  return large === undefined ? undefined : denyLargeObject(large, limits);
}

function denyLargeObject(object: string, limits: IncomingLimits): Denial {
  const message = `Object ${object} is larger than ${limits.blobMaxBytes} bytes. Keep large files outside of the repository.`;
  return { code: "limit_exceeded", message };
}
