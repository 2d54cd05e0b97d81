import { hashCanonical } from "../bytes/canonical.js";
import type { Blake3Hex } from "../bytes/hash.js";

/**
 * Computes the digest of a project's branches and tags: the BLAKE3 of the JCS of an object that maps each full ref name to its object id.
 */
export function hashRefs(refs: Iterable<readonly [name: string, id: string]>): Blake3Hex {
  return hashCanonical(Object.fromEntries(refs));
}
