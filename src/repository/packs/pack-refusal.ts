import { buildDenial, type Denial } from "../../domain/denial.js";
import type { IncomingLimits } from "../incoming/incoming-limits.js";

/** Errors of the disk, the memory or the cache rather than of the pushed bytes. */
const LOCAL_FAILURE =
  /No space left|unable to (?:create|open|write|mmap|fork|read)|[Pp]ermission denied|Read-only|Input\/output error|out of memory|cannot (?:fork|pread|create)|object directory .* does not exist/;

/** Returns why `git index-pack` refused a pack, or undefined if the pack is not the cause. */
export function toPackDenial(stderr: string, limits: IncomingLimits): Denial | undefined {
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
