/**
 * The closed list of spaces, the first segment of every key: a bucket on S3, a folder in the directory backend. Within each, the second
 * segment is the tenant (contracts: Storage).
 */
export const spaces = {
  repos: "Standard bare repositories: packs that are created once, and the refs that one conditional write moves.",
  "registry-metadata": "Project declarations, derived indexes and release manifests, as ADR-002 §5 names them.",
  artifacts: "What an act leaves behind besides its commits: Runner logs, notes and source archives.",
  staging: "Bytes on their way in, kept under their BLAKE3, before anything has been decided about them.",
  claims: "The single use of each permit: the Runner that creates the object of a jti owns the act.",
  ends: "Permits that LAB 256 ended. A Runner that finds the end of its permit moves no ref.",
  receipts: "Signed receipts, at most one for each jti, written only by the holder of its claim.",
  refusals: "Signed refusals of envelopes that failed before their claim, kept under the envelope's digest.",
  policies: "The policy.wasm bytes under their BLAKE3.",
  charter: "The charter of each tenant: who may decide what, under which policy, with which keys. One object for each version.",
  anchors: "Signed heads of every ledger chain, so that a database restored from an old backup is noticed.",
} as const;

export type Space = keyof typeof spaces;

export const spaceNames = Object.keys(spaces) as readonly Space[];

export function isSpace(name: string): name is Space {
  return Object.hasOwn(spaces, name);
}
