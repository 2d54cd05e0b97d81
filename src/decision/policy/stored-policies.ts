import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { toPolicyBytesKey, toStagingKey } from "../../domain/storage-key.js";
import { loadPolicy, type Policy } from "./policy.js";

/** The object store from which policies are read. */
export interface PolicyStore {
  readonly blobs: { get(key: string): Promise<Uint8Array | undefined> };
}

/** The object store has no bytes of this policy. */
export class PolicyMissing extends Error {
  override readonly name = "PolicyMissing";
}

/** The number of policies kept in memory. Each is a WebAssembly instance of about 1 MiB. */
const POLICIES_MAX_COUNT = 64;

/** Policies by their hash, each loaded once. */
export class StoredPolicies {
  private readonly policies = new Map<string, Promise<Policy>>();

  /** @param readBytes reads a policy's bytes, which are checked by their hash */
  constructor(readonly readBytes: (tenantId: string, hash: string) => Promise<Uint8Array | undefined>) {}

  /** Reads policies that were published, and those that are staged to be. */
  static openStore({ blobs }: PolicyStore): StoredPolicies {
    return new StoredPolicies(
      async (tenantId, hash) => (await blobs.get(toPolicyBytesKey(tenantId, hash))) ?? blobs.get(toStagingKey(tenantId, hash)),
    );
  }

  /** Reads one of the tenant's policies, active or not. @throws if the store does not have its bytes */
  readonly readPolicyByHash = async (tenantId: string, hash: string): Promise<Outcome<Policy>> => {
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
  };

  private async loadStoredPolicy(tenantId: string, hash: string): Promise<Policy> {
    const bytes = await this.readBytes(tenantId, hash);
    if (bytes === undefined)
      throw new PolicyMissing(`${toPolicyBytesKey(tenantId, hash)} is missing; stage the policy's bytes, or restore the object.`);
    return loadPolicy(bytes);
  }
}
