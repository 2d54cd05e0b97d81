import { z } from "zod";
import { jwksSchema, publicJwkSchema } from "../domain/bytes/jwks.js";
import { type Jwks, type PublicJwk, parseSigningKey, type SigningKey } from "../domain/bytes/signature.js";
import { tenantIdSchema } from "../domain/ids.js";
import { formatProblems, parseWith } from "../domain/problems.js";
import { ConfigurationError } from "./environment.js";
import { attemptRead, readConfiguredFile, readSecretFile } from "./files.js";

/** Reads an Ed25519 private key (PKCS #8 PEM) that only its owner may read. */
export function readSigningKey(path: string): SigningKey {
  const pem = readSecretFile(path).toString("utf8");
  return attemptRead(path, () => parseSigningKey(pem));
}

/** Reads a JWK set of Ed25519 public keys (RFC 7517). */
export function readJwks(path: string): Jwks {
  return readConfiguredJson(path, jwksSchema);
}

/** Reads the founding key of each tenant. */
export function readFoundingKeys(path: string): ReadonlyMap<string, PublicJwk> {
  return new Map(Object.entries(readConfiguredJson(path, z.record(tenantIdSchema, publicJwkSchema))));
}

export function readConfiguredJson<T>(path: string, schema: z.ZodType<T>): T {
  const parsed = parseWith(
    schema,
    attemptRead(path, () => JSON.parse(readConfiguredFile(path).toString("utf8"))),
  );
  if (!parsed.ok) throw new ConfigurationError(`${path} is not valid: ${formatProblems(parsed.problems)}`);
  return parsed.value;
}
