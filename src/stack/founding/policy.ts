import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import { type SigningKey, signObject } from "../../domain/bytes/signature.js";
import { verifyActivePolicyHash } from "../../domain/policy/active-policy.js";
import { toActivePolicyKey, toPolicyBytesKey } from "../../domain/storage-key.js";
import { readJsonFile, writePrivateJson } from "../../process/private-file.js";
import { resolveSourceFile } from "../../process/source-files.js";
import type { ObjectStore } from "../../storage/ports.js";

const publishedSchema = z.record(z.string(), z.string());

/** The default policy of this release. */
export function readDefaultPolicy(): Promise<Uint8Array> {
  return readFile(resolveSourceFile("policies/policy.wasm"));
}

/**
 * Publishes a policy as the active one of each tenant, signed by the tenant's founding key. What founding published last is remembered
 * in the data folder: a tenant keeps the policy it has unless founding is given another one than last time, so that a start never
 * undoes what was published since.
 */
export async function foundPolicy(
  store: ObjectStore,
  dataDir: string,
  keys: ReadonlyMap<string, SigningKey>,
  policy: Uint8Array,
): Promise<string> {
  const remembered = join(dataDir, "published-policies.json");
  const published = publishedSchema.parse((await readJsonFile(remembered)) ?? {});
  const hash = hashBlake3Hex(policy);
  await Promise.all(
    [...keys].map(async ([tenant, key]) => {
      await store.blobs.create(toPolicyBytesKey(tenant, hash), policy);
      await publishActivePolicy(store, tenant, key, hash, published[tenant]);
    }),
  );
  await writePrivateJson(remembered, { ...published, ...Object.fromEntries([...keys.keys()].map((tenant) => [tenant, hash])) });
  return hash;
}

async function publishActivePolicy(
  store: ObjectStore,
  tenant: string,
  key: SigningKey,
  hash: string,
  last: string | undefined,
): Promise<void> {
  const present = await store.pointers.read(toActivePolicyKey(tenant));
  const active = verifyActivePolicyHash(tenant, present?.bytes, { keys: [key.jwk] });
  if (active.ok && (active.value === hash || last === hash)) return;
  const publication = signObject("publication", { tenant_id: tenant, policy_hash: hash, published_at: Date.now() }, key);
  const { won } = await store.pointers.swap(toActivePolicyKey(tenant), present?.version ?? null, toCanonicalBytes(publication));
  if (!won) throw new Error(`the policy of ${tenant} was published by somebody else at the same moment: start again`);
}
