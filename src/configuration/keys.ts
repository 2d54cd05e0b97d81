import { z } from "zod";
import { jwksSchema } from "../domain/bytes/jwks.js";
import { type Jwks, type SigningKey, signingKeyFromPem } from "../domain/bytes/signature.js";
import { tenantIdSchema } from "../domain/ids.js";
import { parseWith, problemsText } from "../domain/problems.js";
import { ConfigurationError } from "./environment.js";
import { attempt, readPrivateFile, readPublicFile } from "./files.js";

/** Reads an Ed25519 private key (PKCS #8 PEM) that nobody but its owner may read. */
export function readSigningKey(path: string): SigningKey {
  const pem = readPrivateFile(path).toString("utf8");
  return attempt(path, () => signingKeyFromPem(pem));
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
    attempt(path, () => JSON.parse(readPublicFile(path).toString("utf8"))),
  );
  if (!parsed.ok) throw new ConfigurationError(`${path} is not valid: ${problemsText(parsed.problems)}`);
  return parsed.value;
}
