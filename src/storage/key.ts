import { StorageFault } from "./ports.js";
import { isSpace, type Space, spaceNames } from "./spaces.js";

/** The maximum length of a key in UTF-8 bytes: the limit of S3. */
const maxKeyBytes = 1024;

/** The maximum length of a segment in UTF-8 bytes: the limit for file names of common file systems, and of MinIO. */
const maxSegmentBytes = 255;

export interface Key {
  readonly full: string;
  readonly space: Space;
  /** The part after the space: the object's name in its bucket, or its path below the space's folder. */
  readonly rest: string;
}

/**
 * Parses `<space>/<rest>`. Keys are defined only here, and backends only get parsed keys. Throws {@link StorageFault} `denied` with the
 * reason if the key is invalid.
 */
export function parseKey(full: string): Key {
  const { space, rest } = splitSpace(full, "key");
  for (const segment of rest.split("/")) assertSegment(full, segment);
  return { full, space, rest };
}

/**
 * Parses the prefix of a listing: like a key, but cut anywhere after the space's slash, so that the last segment can be empty or only the
 * beginning of a name.
 */
export function parsePrefix(full: string): Key {
  const { space, rest } = splitSpace(full, "prefix");
  for (const segment of rest.split("/").slice(0, -1)) assertSegment(full, segment);
  return { full, space, rest };
}

function splitSpace(full: string, what: "key" | "prefix"): { space: Space; rest: string } {
  if (Buffer.byteLength(full) > maxKeyBytes) throw buildKeyFault(`${full.slice(0, 64)}…`, `is longer than ${maxKeyBytes} bytes`);
  if (full.includes("\0") || full.includes("\\")) throw buildKeyFault(full, "contains a NUL or a backslash");
  // A lone surrogate is encoded as U+FFFD in UTF-8, so two different strings would name one object.
  if (Buffer.from(full).toString() !== full) throw buildKeyFault(full, "is not well-formed Unicode");
  const slash = full.indexOf("/");
  const space = full.slice(0, slash);
  if (slash === -1) throw buildKeyFault(full, `is not a ${what}: it must have the form <space>/<rest>`);
  if (!isSpace(space)) throw buildKeyFault(full, `does not begin with a known space; the spaces are ${spaceNames.join(", ")}`);
  return { space, rest: full.slice(slash + 1) };
}

function assertSegment(full: string, segment: string): void {
  if (segment === "" || segment === "." || segment === "..") throw buildKeyFault(full, 'has a segment that is empty, "." or ".."');
  if (Buffer.byteLength(segment) > maxSegmentBytes) throw buildKeyFault(full, `has a segment longer than ${maxSegmentBytes} bytes`);
}

function buildKeyFault(full: string, reason: string): StorageFault {
  return new StorageFault("denied", full, `The storage key ${JSON.stringify(full)} ${reason}.`);
}
