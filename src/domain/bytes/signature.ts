import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { hashCanonical, toCanonicalBytes } from "./canonical.js";

/** The kinds of objects that the registry signs. Source: contracts "Canonical bytes and hashes". */
export type SignedKind =
  | "permit"
  | "card"
  | "receipt"
  | "refusal"
  | "statement"
  | "claim"
  | "head"
  | "charter"
  | "charter_point"
  | "recovery"
  | "pushes";

/** An Ed25519 public key as a JWK (RFC 8037) with its key id. */
export interface PublicJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
  readonly kid: string;
}

/** The keys that a verifier trusts (RFC 7517). */
export interface Jwks {
  readonly keys: readonly PublicJwk[];
}

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly jwk: PublicJwk;
}

export type Signed<T extends object> = T & { readonly kid: string; readonly sig: string };

export function toPayloadType(kind: SignedKind): string {
  return `application/vnd.ubl.${kind}.v1+json`;
}

/** Encodes the DSSE v1 pre-authentication encoding. */
export function encodePreAuthentication(type: string, body: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${body.byteLength} `;
  return Buffer.concat([Buffer.from(head, "utf8"), body]);
}

/** Computes the key id of a public key: the first 16 hex digits of the BLAKE3 of its JCS (the members of the thumbprint, RFC 7638 §3.2). */
export function computeKeyId(x: string): string {
  return hashCanonical({ crv: "Ed25519", kty: "OKP", x }).slice(0, 16);
}

/** @throws if `pem` is not an Ed25519 private key. */
export function parseSigningKey(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  if (privateKey.asymmetricKeyType !== "ed25519")
    throw new Error("The signing key is not Ed25519; create one with `openssl genpkey -algorithm ed25519`.");
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  if (x === undefined) throw new Error("The signing key has no public part; create a new one with `openssl genpkey -algorithm ed25519`.");
  const kid = computeKeyId(x);
  return { kid, privateKey, jwk: { kty: "OKP", crv: "Ed25519", x, kid } };
}

function toSignedBytes(value: object): Uint8Array {
  const { sig: _, ...rest } = value as { sig?: unknown };
  return toCanonicalBytes(rest);
}

/** Adds `kid` and `sig`: Ed25519, base64, over the DSSE encoding of JCS(object without `sig`). */
export function signObject<T extends object>(kind: SignedKind, value: T, key: SigningKey): Signed<T> {
  const withKid = { ...value, kid: key.kid };
  const sig = signDsse(toPayloadType(kind), toSignedBytes(withKid), key);
  return { ...withKid, sig };
}

export type SignatureVerdict = "valid" | "key_unknown" | "signature_invalid";

/** Verifies that `value` has a valid signature by one of `keys`. Parsed public keys are cached. */
export function verifySignedObject(
  kind: SignedKind,
  value: { readonly kid?: string | undefined; readonly sig: string },
  keys: Jwks,
): SignatureVerdict {
  const jwk = keys.keys.find((key) => key.kid === value.kid);
  if (jwk === undefined) return "key_unknown";
  return verifyDsse(toPayloadType(kind), toSignedBytes(value), value.sig, jwk) ? "valid" : "signature_invalid";
}

/** Returns the signature of a DSSE v1 envelope around `body`: Ed25519, base64. */
export function signDsse(type: string, body: Uint8Array, key: SigningKey): string {
  return signBytes(encodePreAuthentication(type, body), key).toString("base64");
}

/** Verifies that `sig` (base64) is this key's Ed25519 signature over the DSSE encoding of `body`. */
export function verifyDsse(type: string, body: Uint8Array, sig: string, jwk: PublicJwk): boolean {
  const bytes = Buffer.from(sig, "base64");
  // Another base64 spelling of the same bytes would turn one signed object into two different ones.
  if (bytes.byteLength !== 64 || bytes.toString("base64") !== sig) return false;
  return verifyBytes(encodePreAuthentication(type, body), bytes, jwk);
}

/** Returns the Ed25519 signature of exactly these bytes, which name their kind, so that no signature counts for two kinds of objects. */
export function signBytes(bytes: Uint8Array, key: SigningKey): Buffer {
  return sign(null, bytes, key.privateKey);
}

export function verifyBytes(bytes: Uint8Array, signature: Uint8Array, jwk: PublicJwk): boolean {
  return verify(null, bytes, toPublicKey(jwk), signature);
}

const parsedKeys = new WeakMap<PublicJwk, KeyObject>();

function toPublicKey(jwk: PublicJwk): KeyObject {
  const known = parsedKeys.get(jwk);
  if (known !== undefined) return known;
  const key = createPublicKey({ key: { kty: jwk.kty, crv: jwk.crv, x: jwk.x }, format: "jwk" });
  parsedKeys.set(jwk, key);
  return key;
}
