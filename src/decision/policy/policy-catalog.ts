import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { toPolicyBytesKey } from "../../domain/storage-key.js";
import type { Charters, NewestCharter } from "../charter/charters.js";
import { loadPolicy, type Policy } from "./policy.js";

/** The object store from which policies are read. */
interface PolicyStore {
  readonly blobs: { get(key: string): Promise<Uint8Array | undefined> };
}

/** How long LAB 256 may use a charter after reading it. The Runner reads it again for every act, so no act runs under an outdated one. */
const CHARTER_MAX_AGE_MS = 1000;

/** The number of policies kept in memory. Each is a WebAssembly instance of about 1 MiB. */
const POLICIES_MAX_COUNT = 64;

/** The policies of the tenants' charters, each loaded once. */
export class PolicyCatalog {
  private readonly activeHashes = new Map<string, { hash: Outcome<string>; readAtMs: number }>();
  private readonly policies = new Map<string, Promise<Policy>>();

  constructor(
    private readonly store: PolicyStore,
    private readonly charters: Charters,
    private readonly now: () => number,
  ) {}

  /** Reads the policy of the tenant's charter, or denies if the tenant has no valid charter. */
  async readActivePolicy(tenantId: string, asOf: "now" | "recently" = "recently"): Promise<Outcome<Policy>> {
    const hash = await this.readActiveHash(tenantId, asOf === "now" ? 0 : CHARTER_MAX_AGE_MS);
    return hash.ok ? this.readPolicyByHash(tenantId, hash.value) : hash;
  }

  /** Reads the newest charter, and the policy that an act is decided by. Denials: those of `readNewest`, `policy_not_current`. */
  async readRules(tenantId: string, policyHash: string): Promise<Outcome<{ charter: NewestCharter; policy: Policy }>> {
    const [charter, policy] = await Promise.all([this.charters.readNewest(tenantId), this.readPolicyByHash(tenantId, policyHash)]);
    if (!charter.ok) return charter;
    return policy.ok ? grantValue({ charter: charter.value, policy: policy.value }) : policy;
  }

  private async readActiveHash(tenantId: string, maxAgeMs: number): Promise<Outcome<string>> {
    const known = this.activeHashes.get(tenantId);
    const now = this.now();
    if (known !== undefined && now - known.readAtMs < maxAgeMs) return known.hash;
    const charter = await this.charters.readNewest(tenantId);
    const hash = charter.ok ? grantValue(charter.value.policy_hash) : charter;
    // Unknown tenants are not remembered, so requests for made-up names use no memory.
    if (charter.ok || charter.denial.code !== "tenant_unknown") this.activeHashes.set(tenantId, { hash, readAtMs: now });
    return hash;
  }

  /** Reads one of the tenant's policies, active or not. @throws if the store does not have its bytes */
  async readPolicyByHash(tenantId: string, hash: string): Promise<Outcome<Policy>> {
    const loading = this.policies.get(hash) ?? this.loadStoredPolicy(tenantId, hash);
    // A map keeps insertion order, so the least recently used policy comes first.
    this.policies.delete(hash);
    this.policies.set(hash, loading);
    for (const oldest of [...this.policies.keys()].slice(0, Math.max(0, this.policies.size - POLICIES_MAX_COUNT)))
      this.policies.delete(oldest);
    try {
      const policy = await loading;
      if (policy.hash === hash) return grantValue(policy);
      this.policies.delete(hash);
      return denyWith("policy_not_current", `The bytes of policy ${hash} hash to ${policy.hash}; restore them.`);
    } catch (error) {
      this.policies.delete(hash);
      throw error;
    }
  }

  private async loadStoredPolicy(tenantId: string, hash: string): Promise<Policy> {
    const key = toPolicyBytesKey(tenantId, hash);
    const bytes = await this.store.blobs.get(key);
    if (bytes === undefined) throw new Error(`${key} is missing; publish the policy again or restore the object.`);
    return loadPolicy(bytes);
  }
}
