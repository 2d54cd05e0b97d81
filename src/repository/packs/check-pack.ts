import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { buildDenial, type Denial, denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { buildAllocationLimitEnv, type IncomingLimits } from "../incoming/incoming-limits.js";
import type { OpenRepository } from "../open-repository.js";
import { toGitFault } from "../stock-git/stock-git.js";
import type { CheckedPack } from "./checked-pack.js";
import { findOversizedObject } from "./object-sizes.js";
import { parsePackIndex } from "./pack-index.js";

/** A pack above this size is read and streamed from its file. */
const IN_MEMORY_MAX_BYTES = 1024 * 1024;

/** git need not flush to disk here, because the pack counts only once it is stored, and `storePack` flushes it then. */
const NO_FLUSH = { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "core.fsync", GIT_CONFIG_VALUE_0: "none" };

/**
 * Indexes a pack in the scratch repository, completes it if it is thin, and checks it. git checks every object (fsck with warnings as
 * errors) and that each link leads to an object of the pack or of the repository. The repository contains only packs that passed this
 * check, so by induction everything that a checked object reaches exists, and walking from the tip to the existing refs would prove no
 * more. Returns undefined for an empty pack. Denials: `bundle_invalid`, `objects_invalid`, `limit_exceeded`.
 */
export async function checkPack(
  repository: OpenRepository,
  input: Uint8Array | { path: string; offsetBytes: number },
  limits: IncomingLimits,
): Promise<Outcome<CheckedPack | undefined>> {
  const { gitDir } = repository.getScratch();
  const call = {
    args: ["index-pack", "--stdin", "--fix-thin", "--strict", `--max-input-size=${limits.packMaxBytes}`],
    input,
    env: { ...buildAllocationLimitEnv(limits), ...NO_FLUSH },
  };
  const answer = await repository.runGit(call);
  if (answer.code !== 0) {
    const denial = toPackDenial(answer.stderr, limits);
    if (denial === undefined) throw toGitFault(call, answer);
    return wrapDenial(denial);
  }
  // git writes the hash, and after it the bytes that it read beyond the pack.
  const [, hash, beyond] = /^(?:pack|keep)\t([0-9a-f]{40})\n(.*)$/s.exec(answer.stdout.toString("latin1")) ?? [];
  if (hash === undefined) throw toGitFault(call, answer);
  if (beyond !== "") return denyWith("bundle_invalid", "Bytes follow the end of the pack. Make the bundle again.");
  const packPath = join(gitDir, "objects", "pack", `pack-${hash}.pack`);
  const indexPath = packPath.replace(/pack$/, "idx");
  const indexBytes = readFileSync(indexPath);
  const index = parsePackIndex(indexBytes);
  if (index.count === 0) return grantValue(undefined);
  // Completing a thin pack adds the bases of its deltas.
  if (index.count > limits.objectsMaxCount)
    return denyWith("limit_exceeded", `The push has ${index.count} objects; ${limits.objectsMaxCount} are allowed at once.`);
  const oversized = await findOversizedObject(packPath, index, limits.blobMaxBytes, repository.signal);
  if (oversized !== undefined)
    return denyWith(
      "limit_exceeded",
      `Object ${oversized} is larger than ${limits.blobMaxBytes} bytes. Keep large files outside of the repository.`,
    );
  const packSizeBytes = statSync(packPath).size;
  const bytes = packSizeBytes > IN_MEMORY_MAX_BYTES ? undefined : { pack: readFileSync(packPath), index: indexBytes };
  return grantValue({ hash, packPath, indexPath, packSizeBytes, indexSizeBytes: indexBytes.length, index, bytes });
}

/** Errors of the disk, the memory or the cache rather than of the pushed bytes. */
const LOCAL_FAILURE =
  /No space left|unable to (?:create|open|write|mmap|fork|read)|[Pp]ermission denied|Read-only|Input\/output error|out of memory|cannot (?:fork|pread|create)|object directory .* does not exist/;

/** Returns why `git index-pack` refused a pack, or undefined if the pack is not the cause. */
function toPackDenial(stderr: string, limits: IncomingLimits): Denial | undefined {
  if (/pack exceeds maximum allowed size/.test(stderr))
    return buildDenial("limit_exceeded", `The pack is larger than ${limits.packMaxBytes} bytes. Push the history in several steps.`);
  if (/attempting to allocate/.test(stderr))
    return buildDenial(
      "limit_exceeded",
      `An object is larger than ${limits.blobMaxBytes} bytes. Keep large files outside of the repository.`,
    );
  const missing = /did not receive expected object ([0-9a-f]{40})/.exec(stderr)?.[1];
  if (missing !== undefined)
    return buildDenial(
      "objects_invalid",
      `Object ${missing} is needed but is neither in the push nor in the repository. Make the bundle from a complete clone.`,
    );
  const [, object, problem] = /object ([0-9a-f]{40}): ([^\n]+)/.exec(stderr) ?? [];
  if (object !== undefined) return buildDenial("objects_invalid", `Object ${object} does not pass git fsck: ${problem}.`);
  if (/fsck error|invalid (?:object|tree|commit|tag|blob)|SHA1 COLLISION|Failed to parse|[Nn]ot all child objects|[Ff]ound in/.test(stderr))
    return buildDenial("objects_invalid", `The objects do not pass git fsck: ${findErrorLine(stderr)}`);
  if (LOCAL_FAILURE.test(stderr)) return undefined;
  return buildDenial("bundle_invalid", `The pack is damaged or truncated: ${findErrorLine(stderr)}. Make it again.`);
}

function findErrorLine(text: string): string {
  const lines = text.trim().split("\n");
  return (lines.findLast((line) => /^(?:fatal|error): /.test(line)) ?? lines.at(-1) ?? "git gave no reason").slice(0, 300);
}
