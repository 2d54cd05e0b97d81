import { randomBytes } from "node:crypto";
import { type Blake3Hex, hashBlake3, hashBlake3Hex } from "../../domain/bytes/hash.js";

const PREFIX = "ogr_";
const TOKEN = /^ogr_[A-Za-z0-9_-]{43}[A-Za-z0-9_-]{6}$/;
const CHECKSUM_CHARACTERS = 6;

/** A new bearer token: `ogr_`, 32 random bytes in base64url, and six characters of checksum. Its text is shown once and never stored. */
export function createTokenText(): string {
  const secret = PREFIX + randomBytes(32).toString("base64url");
  return secret + computeChecksum(secret);
}

/** What a bearer token looks like before anybody looks for it: `mistyped` was cut short or changed, `foreign` was never one of ours. */
export type TokenShape = "well_formed" | "mistyped" | "foreign";

export function checkTokenShape(bearer: string): TokenShape {
  if (!bearer.startsWith(PREFIX)) return "foreign";
  const secret = bearer.slice(0, -CHECKSUM_CHARACTERS);
  return TOKEN.test(bearer) && computeChecksum(secret) === bearer.slice(-CHECKSUM_CHARACTERS) ? "well_formed" : "mistyped";
}

/** Under what a token is stored. A fast hash is right: the text has 256 random bits, which no dictionary holds. */
export function hashToken(token: string): Blake3Hex {
  return hashBlake3Hex(Buffer.from(token, "utf8"));
}

function computeChecksum(secret: string): string {
  return Buffer.from(hashBlake3(Buffer.from(secret, "utf8")))
    .toString("base64url")
    .slice(0, CHECKSUM_CHARACTERS);
}
