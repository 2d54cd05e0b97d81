import { hashCanonical } from "../bytes/canonical.js";
import type { Blake3Hex } from "../bytes/hash.js";

/** The digest of a project's branches and tags: BLAKE3 of JCS of an object that maps each full ref name to its object id. */
export function hashRefs(refs: Iterable<readonly [name: string, id: string]>): Blake3Hex {
  return hashCanonical(Object.fromEntries(refs));
}
