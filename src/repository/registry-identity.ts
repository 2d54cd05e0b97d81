/**
 * Who the registry is in the objects that it makes: committer of applied patches, author of a plain diff, tagger of releases. Fixed,
 * so that a retry makes the same bytes; the person behind an act stands in its permit and receipt. `.invalid` reaches nobody (RFC 2606).
 */
export const REGISTRY_IDENTITY = { name: "Office Git Registry", email: "registry@ubl.invalid" } as const;

/** `iat` of a permit (milliseconds) as git writes dates: seconds since 1970, in UTC. */
export function toGitSeconds(iatMs: number): number {
  return Math.floor(iatMs / 1000);
}
