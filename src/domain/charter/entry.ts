import { z } from "zod";
import { hashCanonical, toCanonicalBytes } from "../bytes/canonical.js";
import type { Blake3Hex } from "../bytes/hash.js";
import { type PublicJwk, type SigningKey, signDsse, toPayloadType, verifyDsse } from "../bytes/signature.js";
import { authoritySchema as actAuthoritySchema } from "../card/authority.js";
import { blake3Schema, tenantIdSchema, timeMsSchema } from "../ids.js";
import { announcementSignaturesSchema } from "./announcement.js";
import { charterChangeSchema } from "./change.js";
import { entrySignatureShape, foundingAuthoritySchema } from "./founding.js";
import { charterVersionsShape } from "./versions.js";

/** The version of the rules by which changes are applied. An entry names its version, so that rules of an unknown version are refused. */
export const CHARTER_RULES = 1;

/** The version of the operator's charter whose keys signed. See {@link charterVersionsShape}, for the version before the entry. */
const { operator_version } = charterVersionsShape;

const authoritySchema = z.discriminatedUnion("kind", [
  foundingAuthoritySchema,
  /** The act: its card, approvals and attestations. `used_at_ms` is when the last of them came to count, by the permit's `iat`. */
  z.strictObject({ kind: z.literal("act"), used_at_ms: timeMsSchema, operator_version, ...actAuthoritySchema.shape }),
  /** A Runner's receipt key, which can only record that an act has ended. */
  z.strictObject({ kind: z.literal("receipt"), operator_version, ...entrySignatureShape }),
  /** An announcement by recovery keys. The Runner whose receipt key signs the entry saw it at this time. */
  z.strictObject({
    kind: z.literal("recovery"),
    after: blake3Schema,
    signatures: announcementSignaturesSchema,
    seen_at_ms: timeMsSchema,
    operator_version,
    ...entrySignatureShape,
  }),
  /** The announcement in `version`, which its delay has made an authority at the time at which the signing Runner saw that. */
  z.strictObject({
    kind: z.literal("announcement"),
    version: z.int().positive(),
    seen_at_ms: timeMsSchema,
    operator_version,
    ...entrySignatureShape,
  }),
]);
export type EntryAuthority = z.infer<typeof authoritySchema>;
export type ActEntryAuthority = Extract<EntryAuthority, { kind: "act" }>;
export type RecoveryEntryAuthority = Extract<EntryAuthority, { kind: "recovery" }>;
export type CompletingEntryAuthority = Extract<EntryAuthority, { kind: "announcement" }>;

type Unsigned<A extends EntryAuthority> = A extends { readonly sig: string } ? Omit<A, "kid" | "sig"> : never;
/** The authority of an entry that one key signs, without that signature. */
export type UnsignedAuthority = Unsigned<EntryAuthority>;

/** One version of a charter, `charter/<tenant>/<version>.json`, created once. Source: contracts "Charter". */
export const charterEntrySchema = z.strictObject({
  tenant_id: tenantIdSchema,
  version: z.int().positive(),
  /** The hash of the previous entry; null for version 1. */
  previous: blake3Schema.nullable(),
  state_hash: blake3Schema,
  change: charterChangeSchema,
  rules: z.int().positive(),
  authority: authoritySchema,
});
export type CharterEntry = z.infer<typeof charterEntrySchema>;
export type UnsignedEntry = Omit<CharterEntry, "authority">;

/** An entry that a charter has. */
export interface AppendedEntry {
  readonly version: number;
  readonly entry_hash: Blake3Hex;
}

export function hashEntry(entry: CharterEntry): Blake3Hex {
  return hashCanonical(entry);
}

/** Signs an entry with the founding key, or, for another authority, with a Runner's receipt key. */
export function signEntry(entry: UnsignedEntry, key: SigningKey, unsigned: UnsignedAuthority = { kind: "founding" }): CharterEntry {
  const authority = { ...unsigned, kid: key.kid };
  const sig = signDsse(toPayloadType("charter"), toCanonicalBytes({ ...entry, authority }), key);
  return { ...entry, authority: { ...authority, sig } };
}

/** Returns whether `jwk` signed the entry. */
export function isEntrySignedBy(entry: CharterEntry, jwk: PublicJwk): boolean {
  if (entry.authority.kind === "act") return false;
  const { sig, ...authority } = entry.authority;
  if (authority.kid !== jwk.kid) return false;
  return verifyDsse(toPayloadType("charter"), toCanonicalBytes({ ...entry, authority }), sig, jwk);
}
