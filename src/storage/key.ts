import { StorageFault } from "./ports.js";
import { isSpace, type Space, spaceNames } from "./spaces.js";

/** The longest key, in bytes of UTF-8: the limit of S3. */
const maxKeyBytes = 1024;

/** The longest segment, in bytes of UTF-8: the longest file name of common file systems, and MinIO's own limit. */
const maxSegmentBytes = 255;

export interface Key {
  readonly full: string;
  readonly space: Space;
  /** What follows the space: the object's name in its bucket, or its path below the space's folder. */
  readonly rest: string;
}

/**
 * Parses `<space>/<rest>`. This is the only place that decides what a key is; no backend sees a string that has not
 * passed here. Throws {@link StorageFault} `denied` that says what is wrong with the key.
 */
export function parseKey(full: string): Key {
  const { space, rest } = splitSpace(full, "key");
  for (const segment of rest.split("/")) assertSegment(full, segment);
  return { full, space, rest };
}

/**
 * Parses the prefix of a listing: as a key, but cut anywhere after the space's slash, so that the last segment may be
 * empty or only the beginning of a name.
 */
export function parsePrefix(full: string): Key {
  const { space, rest } = splitSpace(full, "prefix");
  for (const segment of rest.split("/").slice(0, -1)) assertSegment(full, segment);
  return { full, space, rest };
}

function splitSpace(full: string, what: "key" | "prefix"): { space: Space; rest: string } {
  if (Buffer.byteLength(full) > maxKeyBytes) throw buildKeyFault(`${full.slice(0, 64)}…`, `is longer than ${maxKeyBytes} bytes`);
  if (full.includes("\0") || full.includes("\\")) throw buildKeyFault(full, "contains a NUL or a backslash");
  // A lone surrogate becomes U+FFFD on its way to UTF-8, so two different strings would name one object.
  if (Buffer.from(full).toString() !== full) throw buildKeyFault(full, "is not well-formed Unicode");
  const slash = full.indexOf("/");
  const space = full.slice(0, slash);
  if (slash === -1) throw buildKeyFault(full, `is no ${what}: it needs the form <space>/<rest>`);
  if (!isSpace(space)) throw buildKeyFault(full, `begins with no known space; the spaces are ${spaceNames.join(", ")}`);
  return { space, rest: full.slice(slash + 1) };
}

function assertSegment(full: string, segment: string): void {
  if (segment === "" || segment === "." || segment === "..") throw buildKeyFault(full, 'has a segment that is empty, "." or ".."');
  if (Buffer.byteLength(segment) > maxSegmentBytes) throw buildKeyFault(full, `has a segment longer than ${maxSegmentBytes} bytes`);
}

function buildKeyFault(full: string, reason: string): StorageFault {
  return new StorageFault("denied", full, `The storage key ${JSON.stringify(full)} ${reason}.`);
}
