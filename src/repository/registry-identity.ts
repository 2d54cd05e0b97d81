/**
 * The registry's name in the objects that it creates: the committer of patches, the author of a plain diff, the tagger of releases. It is
 * fixed, so that a retry creates the same bytes; permit and receipt name the person behind an act. `.invalid` never resolves (RFC 2606).
 */
export const REGISTRY_IDENTITY = { name: "Office Git Registry", email: "registry@ubl.invalid" } as const;

/** Converts a permit's `iat` (milliseconds) to a git date: seconds since 1970, in UTC. */
export function toGitSeconds(iatMs: number): number {
  return Math.floor(iatMs / 1000);
}
