import { readFileSync, statSync } from "node:fs";
import { z } from "zod";
import { tenantIdSchema } from "../domain/ids.js";
import { jwksSchema } from "../domain/jwks.js";
import { parseWith, problemsText } from "../domain/problems.js";
import { type Jwks, type SigningKey, signingKeyFromPem } from "../domain/signature.js";
import { ConfigurationError } from "./environment.js";

/** Reads an Ed25519 private key (PKCS #8 PEM) that nobody but its owner may read. */
export function readSigningKey(path: string): SigningKey {
  const readable = attempt(path, () => statSync(path).mode & 0o077);
  if (readable !== 0) throw new ConfigurationError(`${path} can be read by others; run \`chmod 600\` on it.`);
  return attempt(path, () => signingKeyFromPem(readFileSync(path, "utf8")));
}

/** Reads a JWK set of Ed25519 public keys (RFC 7517). */
export function readJwks(path: string): Jwks {
  return readJson(path, jwksSchema);
}

/** Reads the founding keys: a JWK set for each tenant. */
export function readFoundingKeys(path: string): ReadonlyMap<string, Jwks> {
  return new Map(Object.entries(readJson(path, z.record(tenantIdSchema, jwksSchema))));
}

export function readJson<T>(path: string, schema: z.ZodType<T>): T {
  const parsed = parseWith(
    schema,
    attempt(path, () => JSON.parse(readFileSync(path, "utf8"))),
  );
  if (!parsed.ok) throw new ConfigurationError(`${path} is not valid: ${problemsText(parsed.problems)}`);
  return parsed.value;
}

function attempt<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new ConfigurationError(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
