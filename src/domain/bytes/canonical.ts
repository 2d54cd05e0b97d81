import canonicalize from "canonicalize";
import { type Blake3Hex, hashBlake3Hex } from "./hash.js";

/**
 * Returns the canonical JSON text of `value`. Source: RFC 8785 (JCS).
 *
 * @throws TypeError for a value that has no JSON form (undefined, a function, a non-finite number).
 */
export function toCanonicalText(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("The value has no JSON form; pass an object, array, string, number or null.");
  return text;
}

/** Returns the UTF-8 bytes of the canonical JSON of `value` (RFC 8785). */
export function toCanonicalBytes(value: unknown): Uint8Array {
  return Buffer.from(toCanonicalText(value), "utf8");
}

/** Computes the BLAKE3-256 of the canonical JSON of `value`. */
export function hashCanonical(value: unknown): Blake3Hex {
  return hashBlake3Hex(toCanonicalBytes(value));
}
