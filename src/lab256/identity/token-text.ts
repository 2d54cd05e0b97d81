import { randomBytes } from "node:crypto";
import { type Blake3Hex, hashBlake3, hashBlake3Hex } from "../../domain/bytes/hash.js";

const PREFIX = "ogr_";
const TOKEN = /^ogr_[A-Za-z0-9_-]{43}[A-Za-z0-9_-]{6}$/;
const CHECKSUM_CHARACTERS = 6;

/**
 * Creates the text of a bearer token: `ogr_`, 32 random bytes in base64url, and a checksum of six characters. It is shown once and never
 * stored.
 */
export function createTokenText(): string {
  const secret = PREFIX + randomBytes(32).toString("base64url");
  return secret + computeChecksum(secret);
}

/**
 * What the text of a bearer token tells without a lookup: `mistyped` was truncated or changed, `foreign` was never issued by a registry.
 */
export type TokenShape = "well_formed" | "mistyped" | "foreign";

export function checkTokenShape(bearer: string): TokenShape {
  if (!bearer.startsWith(PREFIX)) return "foreign";
  const secret = bearer.slice(0, -CHECKSUM_CHARACTERS);
  return TOKEN.test(bearer) && computeChecksum(secret) === bearer.slice(-CHECKSUM_CHARACTERS) ? "well_formed" : "mistyped";
}

/** Computes the hash under which a token is stored. A fast hash suffices, because 256 random bits cannot be guessed. */
export function hashToken(token: string): Blake3Hex {
  return hashBlake3Hex(Buffer.from(token, "utf8"));
}

function computeChecksum(secret: string): string {
  return Buffer.from(hashBlake3(Buffer.from(secret, "utf8")))
    .toString("base64url")
    .slice(0, CHECKSUM_CHARACTERS);
}
