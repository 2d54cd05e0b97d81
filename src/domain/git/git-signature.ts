import { createHash } from "node:crypto";
import {
  computeKeyId,
  type Jwks,
  type PublicJwk,
  type SignatureVerdict,
  type SigningKey,
  signBytes,
  verifyBytes,
} from "../bytes/signature.js";
import { encodeSshFields } from "../bytes/ssh.js";

/** A commit or annotated tag without its signature, and the signature (SSHSIG, armored). */
export interface SignedGitObject {
  readonly unsigned: Buffer;
  readonly signature: string;
}

const KEY_TYPE = "ssh-ed25519";
const MAGIC = "SSHSIG";
const VERSION = Buffer.of(0, 0, 0, 1);
const NAMESPACE = "git";
const HASH = "sha512";
const BEGIN = "-----BEGIN SSH SIGNATURE-----\n";
const END = "-----END SSH SIGNATURE-----\n";
/** The length of a line as `ssh-keygen -Y sign` writes it. */
const LINE_LENGTH = 70;
/** Where the fields of fixed lengths begin, see {@link armorSignature}. */
const PUBLIC_KEY_AT = 6 + 4 + 4 + 4 + KEY_TYPE.length + 4;
const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** Formats a public key as OpenSSH writes it in `.pub` files and lists of allowed signers. */
export function formatSshPublicKey({ x }: Pick<PublicJwk, "x">): string {
  return `${KEY_TYPE} ${encodePublicKey(x).toString("base64")}`;
}

/**
 * Signs a commit or tag as git does with `gpg.format=ssh`. Ed25519 is deterministic, so the same object gets the same signature. Source:
 * OpenSSH's PROTOCOL.sshsig, RFC 8032 §5.1.6.
 */
export function signGitObject(unsigned: Uint8Array, key: SigningKey): string {
  return armorSignature(key.jwk.x, signBytes(encodeSignedData(unsigned), key));
}

/** Adds a signature to a commit, as its last header. Source: gitformat-signature(5). */
export function joinSignedCommit({ unsigned, signature }: SignedGitObject): Buffer {
  const end = unsigned.indexOf("\n\n") + 1;
  const header = `gpgsig ${signature.trimEnd().replaceAll("\n", "\n ")}\n`;
  return Buffer.concat([unsigned.subarray(0, end), Buffer.from(header, "latin1"), unsigned.subarray(end)]);
}

/** Adds a signature to an annotated tag, after its message. Source: gitformat-signature(5). */
export function joinSignedTag({ unsigned, signature }: SignedGitObject): Buffer {
  return Buffer.concat([unsigned, Buffer.from(signature, "latin1")]);
}

/** Splits a commit that {@link joinSignedCommit} made. Returns undefined for any other, such as one with a signature by other software. */
export function splitSignedCommit(commit: Buffer): SignedGitObject | undefined {
  const end = commit.indexOf("\n\n") + 1;
  const header = commit.subarray(0, end);
  const at = header.indexOf("\ngpgsig ") + 1;
  if (at === 0) return undefined;
  const signature = header
    .subarray(at + "gpgsig ".length)
    .toString("latin1")
    .replaceAll("\n ", "\n");
  return parseSignature(signature) && { unsigned: Buffer.concat([header.subarray(0, at), commit.subarray(end)]), signature };
}

/** Splits a tag that {@link joinSignedTag} made. Returns undefined for any other. */
export function splitSignedTag(tag: Buffer): SignedGitObject | undefined {
  // git also takes the last one, so a message that contains a signature changes nothing.
  const at = tag.lastIndexOf(`\n${BEGIN}`) + 1;
  const signature = tag.subarray(at).toString("latin1");
  return parseSignature(signature) && { unsigned: tag.subarray(0, at), signature };
}

/** Returns the id of the key that claims to have signed. */
export function readSignerKeyId({ signature }: SignedGitObject): string {
  return parseSignature(signature)?.kid ?? "";
}

/** Verifies that one of `keys` signed the object. */
export function verifyGitSignature({ unsigned, signature }: SignedGitObject, { keys }: Jwks): SignatureVerdict {
  const parsed = parseSignature(signature);
  const jwk = keys.find(({ kid }) => kid === parsed?.kid);
  if (parsed === undefined || jwk === undefined) return "key_unknown";
  return verifyBytes(encodeSignedData(unsigned), parsed.bytes, jwk) ? "valid" : "signature_invalid";
}

/** A signature has exactly one spelling, so no second object with the same content and signature exists. */
function parseSignature(signature: string): { readonly kid: string; readonly bytes: Buffer } | undefined {
  const blob = Buffer.from(signature.slice(BEGIN.length, -END.length), "base64");
  const x = blob.subarray(PUBLIC_KEY_AT, PUBLIC_KEY_AT + PUBLIC_KEY_BYTES).toString("base64url");
  const bytes = blob.subarray(-SIGNATURE_BYTES);
  return armorSignature(x, bytes) === signature ? { kid: computeKeyId(x), bytes } : undefined;
}

function armorSignature(x: string, bytes: Uint8Array): string {
  const fields = [encodePublicKey(x), NAMESPACE, "", HASH, encodeSshFields([KEY_TYPE, bytes])];
  const base64 = Buffer.concat([Buffer.from(MAGIC, "latin1"), VERSION, encodeSshFields(fields)]).toString("base64");
  const lines = base64.match(new RegExp(`.{1,${LINE_LENGTH}}`, "g")) ?? [];
  return `${BEGIN}${lines.join("\n")}\n${END}`;
}

function encodePublicKey(x: string): Buffer {
  return encodeSshFields([KEY_TYPE, Buffer.from(x, "base64url")]);
}

function encodeSignedData(unsigned: Uint8Array): Buffer {
  const hash = createHash(HASH).update(unsigned).digest();
  return Buffer.concat([Buffer.from(MAGIC, "latin1"), encodeSshFields([NAMESPACE, "", HASH, hash])]);
}
