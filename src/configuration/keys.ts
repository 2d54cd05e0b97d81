import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import type { z } from "zod";
import { foreignJwksSchema } from "../domain/bytes/jwks.js";
import { type Jwks, parseSigningKey, type SigningKey } from "../domain/bytes/signature.js";
import { type Operator, operatorSchema } from "../domain/charter/founding.js";
import { formatProblems, parseWith } from "../domain/problems.js";
import { ConfigurationError } from "./environment.js";
import { attemptRead, readConfiguredFile, readSecretFile } from "./files.js";

/** Reads an Ed25519 private key (PKCS #8 PEM) that only its owner may read. */
export function readSigningKey(path: string): SigningKey {
  const pem = readSecretFile(path).toString("utf8");
  return attemptRead(path, () => parseSigningKey(pem));
}

/** Reads an Ed25519 private key as {@link readSigningKey} does, and creates it first if it is absent. */
export async function ensureSigningKey(path: string): Promise<SigningKey> {
  const { privateKey } = generateKeyPairSync("ed25519");
  try {
    await writeFile(path, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return readSigningKey(path);
}

/** Reads a JWK set of Ed25519 public keys (RFC 7517). */
export function readJwks(path: string): Jwks {
  return readConfiguredJson(path, foreignJwksSchema);
}

/** Reads the operator's tenant and founding key. */
export function readOperator(path: string): Operator {
  return readConfiguredJson(path, operatorSchema);
}

export function readConfiguredJson<T>(path: string, schema: z.ZodType<T>): T {
  const parsed = parseWith(
    schema,
    attemptRead(path, () => JSON.parse(readConfiguredFile(path).toString("utf8"))),
  );
  if (!parsed.ok) throw new ConfigurationError(`${path} is not valid: ${formatProblems(parsed.problems)}`);
  return parsed.value;
}
