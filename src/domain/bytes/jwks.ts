import { z } from "zod";
import { computeKeyId } from "./signature.js";

export const publicJwkSchema = z
  .strictObject({
    kty: z.literal("OKP"),
    crv: z.literal("Ed25519"),
    x: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/, "Write the 32 bytes of an Ed25519 public key in base64url.")
      // The last character has two unused bits, by which one key would have several ids.
      .refine((x) => Buffer.from(x, "base64url").toString("base64url") === x, "Write the key in its one spelling (RFC 4648 §3.5)."),
    kid: z.string().min(1),
  })
  .refine((jwk) => jwk.kid === computeKeyId(jwk.x), { path: ["kid"], message: "The key id does not match this key." });

/** A JWK set of Ed25519 public keys (RFC 7517, RFC 8037). */
export const jwksSchema = z.strictObject({ keys: z.array(publicJwkSchema).max(1000) });

const isEdDsaKey = ({ kty, crv, use = "sig", alg = "EdDSA" }: Readonly<Record<string, unknown>>): boolean =>
  kty === "OKP" && crv === "Ed25519" && use === "sig" && (alg === "EdDSA" || alg === "Ed25519");

/**
 * Reads the Ed25519 keys of a JWK set that other software may have written. Members and keys that are not understood are ignored (RFC 7517 §4,
 * §5); an Ed25519 key that is malformed is an error.
 */
export const foreignJwksSchema = z
  .object({ keys: z.array(z.looseObject({})).max(1000) })
  .transform(({ keys }) => ({ keys: keys.filter(isEdDsaKey).map(({ kty, crv, x, kid }) => ({ kty, crv, x, kid })) }))
  .pipe(jwksSchema);
