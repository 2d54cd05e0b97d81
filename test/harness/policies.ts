import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readSigningKey } from "../../src/configuration/keys.js";
import { readPolicyData, replacePolicyData } from "../../src/decision/policy/bytes.js";
import type { PolicyData } from "../../src/decision/policy/data.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { toPolicyBytesKey } from "../../src/domain/storage-key.js";
import { appendCharterEntry } from "../../src/stack/founding/charter.js";
import type { ObjectStore } from "../../src/storage/ports.js";

/** Builds a policy from the default one with changed data. It has its own hash. */
export async function buildPolicyWith(change: (data: PolicyData) => PolicyData): Promise<Uint8Array> {
  const wasm = await readFile(new URL("../../policies/policy.wasm", import.meta.url));
  return replacePolicyData(wasm, change(readPolicyData(wasm)));
}

/** Replaces members of one level. */
export function replaceLevel(data: PolicyData, level: keyof PolicyData["levels"], change: Partial<PolicyData["levels"]["L0"]>): PolicyData {
  return { ...data, levels: { ...data.levels, [level]: { ...data.levels[level], ...change } } };
}

/** Publishes a policy in a tenant's charter by its founding key. Returns the policy's hash. */
export async function publishPolicy(
  { store, dataDir }: { readonly store: ObjectStore; readonly dataDir: string },
  tenant_id: string,
  policy: Uint8Array,
): Promise<string> {
  const policy_hash = hashBlake3Hex(policy);
  const key = readSigningKey(join(dataDir, "keys", "founding", `${tenant_id}.pem`));
  await store.blobs.create(toPolicyBytesKey(tenant_id, policy_hash), policy);
  await appendCharterEntry(store, tenant_id, key, { jobType: "registry.policy.publish", params: { policy_hash } });
  return policy_hash;
}
