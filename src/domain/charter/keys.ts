import { createHash } from "node:crypto";
import { z } from "zod";
import { publicJwkSchema } from "../bytes/jwks.js";
import type { Jwks } from "../bytes/signature.js";
import { encodeSshFields } from "../bytes/ssh.js";

/** What a key of a charter may sign. It is not valid for anything else. `git` signs the registry's own commits and tags. */
export const KEY_USES = ["permit", "statement", "receipt", "git", "evidence", "log"] as const;
export type KeyUse = (typeof KEY_USES)[number];

const coordinateSchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "Write the 32 bytes of a coordinate in base64url.");

/**
 * An ECDSA P-256 public key (RFC 7518 §6.2) identified by its OpenSSH fingerprint. Evidence is signed with it because common tools can
 * verify it.
 */
const evidenceJwkSchema = z
  .strictObject({ kty: z.literal("EC"), crv: z.literal("P-256"), x: coordinateSchema, y: coordinateSchema, kid: z.string().min(1) })
  .refine((jwk) => jwk.kid === computeSshFingerprint(jwk), { path: ["kid"], message: "The key id is not this key's OpenSSH fingerprint." });

/** A public key of a charter and what it signs. Revocation is final. */
export const charterKeySchema = z.discriminatedUnion(
  "use",
  [
    z.strictObject({
      use: z.enum(["permit", "statement", "receipt", "git", "log"]),
      jwk: publicJwkSchema,
      revoked: z.boolean(),
    }),
    z.strictObject({ use: z.literal("evidence"), jwk: evidenceJwkSchema, revoked: z.boolean() }),
  ],
  `Write one of ${KEY_USES.map((use) => `\`${use}\``).join(", ")}.`,
);
export type CharterKey = z.infer<typeof charterKeySchema>;

/** Computes the fingerprint that `ssh-keygen -l` prints: `SHA256:` and the base64 of the public key's SSH encoding (RFC 5656 §3.1). */
export function computeSshFingerprint({ x, y }: { readonly x: string; readonly y: string }): string {
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
  const key = encodeSshFields(["ecdsa-sha2-nistp256", "nistp256", point]);
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** The keys of a charter's version that sign the registry's commits and tags. */
export interface GitKeys {
  /** Those that may sign now. */
  readonly valid: Jwks;
  /** Those that were ever valid: what they signed keeps its authors. */
  readonly known: Jwks;
}
