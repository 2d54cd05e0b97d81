import { normalizeEmail } from "../email.js";

/**
 * The registry's name in the objects that it creates: the committer of its commits, the author of merges and plain diffs, the tagger of
 * releases. It is fixed, so that a retry creates the same bytes; permit and receipt name the person behind an act. `.invalid` never resolves
 * (RFC 2606).
 */
export const REGISTRY_IDENTITY = { name: "Office Git Registry", email: "registry@ubl.invalid" } as const;

/** Returns whether an address in a commit is the registry's. */
export function isRegistryEmail(email: string): boolean {
  return normalizeEmail(email) === REGISTRY_IDENTITY.email;
}

/** Converts a permit's `iat` (milliseconds) to a git date: seconds since 1970, in UTC. */
export function toGitSeconds(iatMs: number): number {
  return Math.floor(iatMs / 1000);
}
