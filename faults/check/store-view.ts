import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Client } from "minio";
import { toJcs } from "./canonical.js";

export interface StoreAccess {
  readonly endpoint: string;
  readonly access_key: string;
  readonly secret_key: string;
  readonly bucket_prefix: string;
  /** The Runners' public keys as a JWKS. */
  readonly receipt_jwks: { readonly keys: readonly { readonly kid: string; readonly x: string }[] };
}

export interface StoredReceipt {
  readonly jti: string;
  readonly status: string;
  readonly project_id: string;
  readonly envelope_digest: string;
  readonly refs: readonly { readonly name: string; readonly old: string; readonly new: string }[];
  readonly text: string;
}

export interface StoredClaim {
  readonly jti: string;
  readonly envelope_digest: string;
}

/** Reads the object store with a separate client. */
export class StoreView {
  readonly #client: Client;

  constructor(private readonly access: StoreAccess) {
    const url = new URL(access.endpoint);
    this.#client = new Client({
      endPoint: url.hostname,
      port: Number(url.port),
      useSSL: false,
      accessKey: access.access_key,
      secretKey: access.secret_key,
    });
  }

  async receipts(tenant: string): Promise<{ receipts: StoredReceipt[]; violations: string[] }> {
    const keys = new Map(this.access.receipt_jwks.keys.map((jwk) => [jwk.kid, toPublicKey(jwk.x)]));
    const violations: string[] = [];
    const receipts = await this.#each("receipts", `${tenant}/`, (name, text) => {
      const receipt = JSON.parse(text) as StoredReceipt & { kid: string; sig: string };
      if (name !== `${tenant}/${receipt.jti}`) violations.push(`the receipt under ${name} is that of ${receipt.jti}`);
      if (!isSigned(receipt, keys.get(receipt.kid))) violations.push(`the receipt of ${receipt.jti} is not signed by a Runner`);
      return { ...receipt, text };
    });
    return { receipts, violations };
  }

  readClaims(tenant: string): Promise<StoredClaim[]> {
    return this.#each("claims", `${tenant}/`, (_, text) => JSON.parse(text) as StoredClaim);
  }

  /** Lists the `jti`s of the permits that LAB 256 ended. */
  listEndedJtis(tenant: string): Promise<string[]> {
    return this.#each("ends", `${tenant}/`, (_, text) => (JSON.parse(text) as { jti: string }).jti);
  }

  /** Lists the `jti`s of the signed refusals. */
  listRefusedJtis(tenant: string): Promise<string[]> {
    return this.#each("refusals", `${tenant}/`, (_, text) => (JSON.parse(text) as { jti: string }).jti);
  }

  readAnchors(tenant: string): Promise<{ seq: number; hash: string }[]> {
    return this.#each("anchors", `${tenant}/`, (_, text) => JSON.parse(text) as { seq: number; hash: string });
  }

  /** Lists the projects with a repository. */
  async listRepositories(tenant: string): Promise<string[]> {
    const names = await this.#names("repos", `${tenant}/`);
    return names.flatMap((name) => /^[^/]+\/([^/]+)\.git\/packed-refs$/.exec(name)?.[1] ?? []);
  }

  /** Copies a repository's prefix to a folder. */
  async mirrorRepository(tenant: string, project: string, folder: string): Promise<void> {
    const prefix = `${tenant}/${project}.git/`;
    for (const name of await this.#names("repos", prefix)) {
      const path = join(folder, name.slice(prefix.length));
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, await this.#bytes("repos", name));
    }
  }

  async #each<T>(space: string, prefix: string, read: (name: string, text: string) => T): Promise<T[]> {
    const all: T[] = [];
    const names = (await this.#names(space, prefix)).values();
    const readNext = async () => {
      for (const name of names) all.push(read(name, (await this.#bytes(space, name)).toString("utf8")));
    };
    await Promise.all(Array.from({ length: 8 }, readNext));
    return all;
  }

  async #names(space: string, prefix: string): Promise<string[]> {
    const names: string[] = [];
    const stream = this.#client.listObjectsV2(`${this.access.bucket_prefix}${space}`, prefix, true);
    for await (const item of stream as AsyncIterable<{ name?: string }>) if (item.name !== undefined) names.push(String(item.name));
    return names;
  }

  async #bytes(space: string, name: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of await this.#client.getObject(`${this.access.bucket_prefix}${space}`, name)) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }
}

function toPublicKey(x: string): KeyObject {
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}

/** Ed25519 over the DSSE pre-authentication encoding of JCS of the receipt without `sig`. */
function isSigned({ sig, text: _, ...rest }: { sig: string; text?: string }, key: KeyObject | undefined): boolean {
  const type = "application/vnd.ubl.receipt.v1+json";
  const body = Buffer.from(toJcs(rest));
  const encoded = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${body.length} `), body]);
  return key !== undefined && verify(null, encoded, key, Buffer.from(sig, "base64"));
}
