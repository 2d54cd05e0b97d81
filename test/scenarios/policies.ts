import { dirname, join } from "node:path";
import { readSigningKey } from "../../src/configuration/keys.js";
import { readPolicyData, replacePolicyData } from "../../src/decision/policy/bytes.js";
import type { PolicyData } from "../../src/decision/policy/data.js";
import { toCanonicalBytes } from "../../src/domain/bytes/canonical.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { signObject } from "../../src/domain/bytes/signature.js";
import { toActivePolicyKey, toPolicyBytesKey } from "../../src/domain/storage-key.js";
import { readDefaultPolicy } from "../../src/stack/founding/policy.js";
import type { ServedRegistry } from "../harness/registry.js";
import { QUICK_OFFICE, QUORUM_OFFICE } from "./tenants.js";

/** How long the permits of {@link QUICK_OFFICE} live, and how long a card of level L2 waits, under {@link buildScenarioPolicy}. */
export const QUICK_PERMIT_MS = 2000;
export const L2_DECIDE_MS = 4000;

/** The default policy with other data. */
export async function buildDefaultPolicyWith(change: (data: PolicyData) => PolicyData): Promise<Uint8Array> {
  const wasm = await readDefaultPolicy();
  return replacePolicyData(wasm, change(readPolicyData(wasm)));
}

/** The default policy with two offices more and a short wait for cards of level L2; everything else is as it was. */
export function buildScenarioPolicy(change: (data: PolicyData) => PolicyData = (data) => data): Promise<Uint8Array> {
  return buildDefaultPolicyWith((data) => {
    const base = data.offices["office::default"];
    if (base === undefined) throw new Error("the default policy has no office::default");
    return change({
      ...data,
      levels: { ...data.levels, L2: { ...data.levels.L2, decide_within_ms: L2_DECIDE_MS } },
      offices: {
        ...data.offices,
        [QUICK_OFFICE]: { ...base, ttl_default_ms: QUICK_PERMIT_MS },
        [QUORUM_OFFICE]: { ...base, approval_policy: { min_approvals: 2 } },
      },
    });
  });
}

/** Publishes other bytes as the tenant's policy, as its founders do; answers their hash. */
export async function publishPolicy({ store, founded }: ServedRegistry, tenant: string, policy: Uint8Array): Promise<string> {
  const key = readSigningKey(join(dirname(founded.keys.foundingKeysLab256), "founding", `${tenant}.pem`));
  const hash = hashBlake3Hex(policy);
  await store.blobs.create(toPolicyBytesKey(tenant, hash), policy);
  const present = await store.pointers.read(toActivePolicyKey(tenant));
  const publication = signObject("publication", { tenant_id: tenant, policy_hash: hash, published_at: Date.now() }, key);
  const { won } = await store.pointers.swap(toActivePolicyKey(tenant), present?.version ?? null, toCanonicalBytes(publication));
  if (!won) throw new Error("somebody else published at the same time");
  return hash;
}
