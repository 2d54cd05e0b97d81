import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Authenticator } from "../../../src/client/deciding.js";
import type { TestRegistry } from "../../harness/registry.js";

/** A secret with a description, so that a finding names it without its text. */
export interface Planted {
  readonly what: string;
  readonly secret: string;
}

/** Collects the secrets of a founded registry: tokens, private keys, store keys and the database's password. */
export async function collectFoundedSecrets(registry: TestRegistry, rootStoreKey: string | undefined): Promise<Planted[]> {
  const planted: Planted[] = registry.founded.actors.map(({ actor_id, token }) => ({ what: `the token of ${actor_id}`, secret: token }));
  for (const path of await listFiles(join(registry.dataDir, "keys")))
    if (path.endsWith(".pem")) planted.push({ what: path, secret: extractPemBody(await readFile(path, "utf8")) });
  for (const plane of ["LAB_256", "LAB_512"] as const)
    for (const name of ["OGR_S3_SECRET_KEY", "OGR_S3_SESSION_TOKEN"]) {
      const secret = registry.founded.storeEnvironment[plane][name];
      if (secret !== undefined) planted.push({ what: `${name} of ${plane}`, secret });
    }
  if (rootStoreKey !== undefined) planted.push({ what: "the store's root key", secret: rootStoreKey });
  const { password } = new URL(registry.databaseUrl);
  if (password !== "") planted.push({ what: "the database's password", secret: password });
  return planted;
}

/** Returns the base64 of a PEM file without its armour (RFC 7468 §2). */
function extractPemBody(pem: string): string {
  return pem
    .split("\n")
    .filter((line) => !line.startsWith("-----"))
    .join("");
}

/** Reads the private keys in a file of software passkeys. */
export async function readPasskeySecrets(path: string): Promise<Planted[]> {
  const found: Planted[] = [];
  JSON.parse(await readFile(path, "utf8"), (name, value: unknown) => {
    // The private member of a JWK (RFC 7518 §6.2.2).
    if (name === "d" && typeof value === "string") found.push({ what: "a passkey's private key", secret: value });
    return value;
  });
  return found;
}

/** Wraps passkeys so that all their assertions are added to the secrets. */
export function recordPasskeySecrets(passkeys: Authenticator, planted: Planted[]): Authenticator {
  return {
    list: () => passkeys.list(),
    create: (options, origin) => passkeys.create(options, origin),
    assert: (request, origin, rpId, use) =>
      passkeys.assert(request, origin, rpId, (assertion) => {
        planted.push({ what: "the challenge", secret: request.challenge });
        for (const [what, secret] of Object.entries(assertion.response))
          if (typeof secret === "string" && what !== "userHandle") planted.push({ what: `the assertion's ${what}`, secret });
        return use(assertion);
      }),
  };
}

async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Reads every log in a folder by the name of its process. Returns none if the folder does not exist. */
export async function readLogs(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const logs = names.filter((name) => name.endsWith(".log"));
  return new Map(
    await Promise.all(logs.map(async (name) => [name.slice(0, -4), await readFile(join(folder, name), "utf8")] as [string, string])),
  );
}
