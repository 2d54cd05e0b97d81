import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { canonicalBytes } from "../../domain/bytes/canonical.js";
import { blake3Hex } from "../../domain/bytes/hash.js";
import { type SigningKey, signed } from "../../domain/bytes/signature.js";
import { activePolicyHash } from "../../domain/policy/active-policy.js";
import { activePolicyKey, policyBytesKey } from "../../domain/storage-key.js";
import { readJsonFile, writePrivateJson } from "../../process/private-json.js";
import { sourceFile } from "../../process/source-files.js";
import type { ObjectStore } from "../../storage/ports.js";

const publishedSchema = z.record(z.string(), z.string());

/** The default policy of this release. */
export function defaultPolicy(): Promise<Uint8Array> {
  return readFile(sourceFile("policies/policy.wasm"));
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
  const hash = blake3Hex(policy);
  await Promise.all(
    [...keys].map(async ([tenant, key]) => {
      await store.blobs.create(policyBytesKey(tenant, hash), policy);
      await publish(store, tenant, key, hash, published[tenant]);
    }),
  );
  await writePrivateJson(remembered, { ...published, ...Object.fromEntries([...keys.keys()].map((tenant) => [tenant, hash])) });
  return hash;
}

async function publish(store: ObjectStore, tenant: string, key: SigningKey, hash: string, last: string | undefined): Promise<void> {
  const present = await store.pointers.read(activePolicyKey(tenant));
  const active = activePolicyHash(tenant, present?.bytes, { keys: [key.jwk] });
  if (active.ok && (active.value === hash || last === hash)) return;
  const publication = signed("publication", { tenant_id: tenant, policy_hash: hash, published_at: Date.now() }, key);
  const { won } = await store.pointers.swap(activePolicyKey(tenant), present?.version ?? null, canonicalBytes(publication));
  if (!won) throw new Error(`the policy of ${tenant} was published by somebody else at the same moment: start again`);
}
