import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readSigningKey } from "../../src/configuration/keys.js";
import { readPolicyData, replacePolicyData } from "../../src/decision/policy/bytes.js";
import type { PolicyData } from "../../src/decision/policy/data.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { toPolicyBytesKey } from "../../src/domain/storage-key.js";
import { appendCharterEntry } from "../../src/stack/founding/charter.js";
import type { ObjectStore } from "../../src/storage/ports.js";

/** The default policy with other data: shorter clocks, stricter offices. A policy of its own, with a hash of its own. */
export async function buildPolicyWith(change: (data: PolicyData) => PolicyData): Promise<Uint8Array> {
  const wasm = await readFile(new URL("../../policies/policy.wasm", import.meta.url));
  return replacePolicyData(wasm, change(readPolicyData(wasm)));
}

/** The clocks of one level, replaced. */
export function replaceLevel(data: PolicyData, level: keyof PolicyData["levels"], change: Partial<PolicyData["levels"]["L0"]>): PolicyData {
  return { ...data, levels: { ...data.levels, [level]: { ...data.levels[level], ...change } } };
}

/** Makes a policy a tenant's active one, by a change of the charter that its founding key signs; answers its hash. */
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
