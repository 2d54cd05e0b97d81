import { generateKeyPairSync } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSigningKey } from "../configuration/keys.js";
import type { PublicJwk, SigningKey } from "../domain/signature.js";
import { writePrivateJson } from "./private-json.js";

/** Where the keys of a registry lie. Private keys are Ed25519 in PKCS #8 PEM with mode 0600 (contracts, "Planes"). */
export interface KeyFiles {
  /** LAB 256 signs permits and statements. */
  readonly permit: string;
  readonly statement: string;
  /** The Runner signs receipts. */
  readonly receipt: string;
  /** JWK sets (RFC 7517): what the Runner trusts, and what LAB 256 trusts. */
  readonly permit_jwks: string;
  readonly statement_jwks: string;
  readonly receipt_jwks: string;
  /** A JWK set for each tenant. */
  readonly founding_keys: string;
}

export interface FoundingKeys {
  readonly files: KeyFiles;
  readonly receiptKey: SigningKey;
  readonly foundingKeys: ReadonlyMap<string, SigningKey>;
}

/** Makes the keys that are absent and writes the sets of public keys. A private key that is there is never replaced. */
export async function foundKeys(dataDir: string, tenants: readonly string[]): Promise<FoundingKeys> {
  const folder = join(dataDir, "keys");
  const founding = join(folder, "founding");
  await mkdir(founding, { recursive: true, mode: 0o700 });
  const files: KeyFiles = {
    permit: join(folder, "permit.pem"),
    statement: join(folder, "statement.pem"),
    receipt: join(folder, "receipt.pem"),
    permit_jwks: join(folder, "permit.jwks.json"),
    statement_jwks: join(folder, "statement.jwks.json"),
    receipt_jwks: join(folder, "receipt.jwks.json"),
    founding_keys: join(folder, "founding-keys.json"),
  };
  const [permitKey, statementKey, receiptKey] = await Promise.all([files.permit, files.statement, files.receipt].map(ensureKey));
  if (permitKey === undefined || statementKey === undefined || receiptKey === undefined)
    throw new Error(`${folder} holds no keys: start again`);
  const foundingKeys = new Map(
    await Promise.all(tenants.map(async (tenant) => [tenant, await ensureKey(join(founding, `${tenant}.pem`))] as const)),
  );
  await writePrivateJson(files.permit_jwks, jwks(permitKey));
  await writePrivateJson(files.statement_jwks, jwks(statementKey));
  await writePrivateJson(files.receipt_jwks, jwks(receiptKey));
  await writePrivateJson(files.founding_keys, Object.fromEntries([...foundingKeys].map(([tenant, key]) => [tenant, jwks(key)])));
  return { files, receiptKey, foundingKeys };
}

async function ensureKey(path: string): Promise<SigningKey> {
  const { privateKey } = generateKeyPairSync("ed25519");
  try {
    await writeFile(path, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return readSigningKey(path);
}

function jwks(...keys: readonly SigningKey[]): { keys: PublicJwk[] } {
  return { keys: keys.map((key) => key.jwk) };
}
