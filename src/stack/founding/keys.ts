import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ensureSigningKey } from "../../configuration/keys.js";
import type { PublicJwk, SigningKey } from "../../domain/bytes/signature.js";
import type { Operator } from "../../domain/charter/founding.js";
import type { CharterKey } from "../../domain/charter/keys.js";
import { writePrivateJson } from "../../process/private-file.js";

/** The folder of each holder's keys (contracts, "Planes"). On a single machine all three can be the same folder. */
export interface KeyFolders {
  readonly lab256: string;
  readonly lab512: string;
  /** The private founding keys. They belong to an operator and are mounted into no service. */
  readonly founding: string;
}

/** Returns the key folders of a registry on a single machine. */
export function resolveKeyFolders(dataDir: string): KeyFolders {
  const folder = join(dataDir, "keys");
  return { lab256: folder, lab512: folder, founding: join(folder, "founding") };
}

/** The paths of a registry's keys. Private keys are Ed25519 in PKCS #8 PEM with mode 0600 (contracts, "Planes"). */
export interface KeyFiles {
  /** LAB 256 signs permits and statements. */
  readonly permit: string;
  readonly statement: string;
  /** The Runner signs receipts. */
  readonly receipt: string;
  /** The Runner signs commits and tags. The public half (JWK) is for charters that do not name it yet. */
  readonly git: string;
  readonly gitJwk: string;
  /** The JWK set (RFC 7517) that LAB 256 trusts. */
  readonly receiptJwks: string;
  /** The operator's tenant and its public founding key, the same for both planes. */
  readonly operatorLab256: string;
  readonly operatorLab512: string;
}

export interface FoundingKeys {
  readonly files: KeyFiles;
  readonly receiptKey: SigningKey;
  /** The public halves of the keys of both planes, as a charter names them. */
  readonly planeKeys: readonly CharterKey[];
  /** The first tenant is the operator's. */
  readonly foundingKeys: ReadonlyMap<string, SigningKey>;
}

/**
 * Creates the missing keys and writes the sets of public keys. The first tenant is the operator's. An existing private key is never
 * replaced.
 */
export async function foundKeys(folders: KeyFolders, tenants: readonly string[]): Promise<FoundingKeys> {
  const { lab256, lab512, founding } = folders;
  await Promise.all([lab256, lab512, founding].map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })));
  const files: KeyFiles = {
    permit: join(lab256, "permit.pem"),
    statement: join(lab256, "statement.pem"),
    receiptJwks: join(lab256, "receipt.jwks.json"),
    operatorLab256: join(lab256, "operator.json"),
    receipt: join(lab512, "receipt.pem"),
    git: join(lab512, "git.pem"),
    gitJwk: join(lab512, "git.jwk.json"),
    operatorLab512: join(lab512, "operator.json"),
  };
  const [permitKey, statementKey, receiptKey, gitKey] = await Promise.all([
    ensureSigningKey(files.permit),
    ensureSigningKey(files.statement),
    ensureSigningKey(files.receipt),
    ensureSigningKey(files.git),
  ]);
  const foundingKeys = new Map(
    await Promise.all(tenants.map(async (tenant) => [tenant, await ensureSigningKey(join(founding, `${tenant}.pem`))] as const)),
  );
  const operator = getOperator(foundingKeys);
  await writePrivateJson(files.receiptJwks, toJwks(receiptKey));
  await writePrivateJson(files.gitJwk, gitKey.jwk);
  await writePrivateJson(files.operatorLab256, operator);
  await writePrivateJson(files.operatorLab512, operator);
  const planeKeys = (
    [
      ["permit", permitKey],
      ["statement", statementKey],
      ["receipt", receiptKey],
      ["git", gitKey],
    ] as const
  ).map(([use, { jwk }]) => ({ use, jwk, revoked: false }));
  return { files, receiptKey, planeKeys, foundingKeys };
}

/** Returns the operator of a registry with these tenants, the first of which is the operator's. @throws if there is none */
export function getOperator(foundingKeys: ReadonlyMap<string, SigningKey>): Operator {
  for (const [tenant_id, { jwk }] of foundingKeys) return { tenant_id, founding_jwk: jwk };
  throw new Error("A registry needs at least one tenant, the operator's.");
}

function toJwks(...keys: readonly SigningKey[]): { keys: PublicJwk[] } {
  return { keys: keys.map((key) => key.jwk) };
}
