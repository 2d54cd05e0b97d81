import { hashCanonical } from "../bytes/canonical.js";
import type { Blake3Hex } from "../bytes/hash.js";

/** Names all that a project's branches and tags point to: BLAKE3 of JCS of an object with each full ref name and its object id. */
export function hashRefs(refs: Iterable<readonly [name: string, id: string]>): Blake3Hex {
  return hashCanonical(Object.fromEntries(refs));
}
