import { generateKeyPairSync } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSigningKey } from "../../configuration/keys.js";
import type { PublicJwk, SigningKey } from "../../domain/bytes/signature.js";
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
  /** The public founding key (JWK) of each tenant, the same for both planes. */
  readonly foundingKeysLab256: string;
  readonly foundingKeysLab512: string;
}

export interface FoundingKeys {
  readonly files: KeyFiles;
  readonly receiptKey: SigningKey;
  /** The public halves of the keys of both planes, as a charter names them. */
  readonly planeKeys: readonly CharterKey[];
  readonly foundingKeys: ReadonlyMap<string, SigningKey>;
}

/** Creates the missing keys and writes the sets of public keys. An existing private key is never replaced. */
export async function foundKeys(folders: KeyFolders, tenants: readonly string[]): Promise<FoundingKeys> {
  const { lab256, lab512, founding } = folders;
  await Promise.all([lab256, lab512, founding].map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })));
  const files: KeyFiles = {
    permit: join(lab256, "permit.pem"),
    statement: join(lab256, "statement.pem"),
    receiptJwks: join(lab256, "receipt.jwks.json"),
    foundingKeysLab256: join(lab256, "founding-keys.json"),
    receipt: join(lab512, "receipt.pem"),
    git: join(lab512, "git.pem"),
    gitJwk: join(lab512, "git.jwk.json"),
    foundingKeysLab512: join(lab512, "founding-keys.json"),
  };
  const [permitKey, statementKey, receiptKey, gitKey] = await Promise.all([
    ensureKey(files.permit),
    ensureKey(files.statement),
    ensureKey(files.receipt),
    ensureKey(files.git),
  ]);
  const foundingKeys = new Map(
    await Promise.all(tenants.map(async (tenant) => [tenant, await ensureKey(join(founding, `${tenant}.pem`))] as const)),
  );
  const publicFoundingKeys = Object.fromEntries([...foundingKeys].map(([tenant, key]) => [tenant, key.jwk]));
  await writePrivateJson(files.receiptJwks, toJwks(receiptKey));
  await writePrivateJson(files.gitJwk, gitKey.jwk);
  await writePrivateJson(files.foundingKeysLab256, publicFoundingKeys);
  await writePrivateJson(files.foundingKeysLab512, publicFoundingKeys);
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

async function ensureKey(path: string): Promise<SigningKey> {
  const { privateKey } = generateKeyPairSync("ed25519");
  try {
    await writeFile(path, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return readSigningKey(path);
}

function toJwks(...keys: readonly SigningKey[]): { keys: PublicJwk[] } {
  return { keys: keys.map((key) => key.jwk) };
}
