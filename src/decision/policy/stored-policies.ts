import { type Blake3Hex, hashBlake3Hex } from "../../domain/bytes/hash.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { toPolicyBytesKey, toStagingKey } from "../../domain/storage-key.js";
import { hashPolicyRules, POLICY_MAX_BYTES, readPolicyData } from "./bytes.js";
import type { PolicyData } from "./data.js";
import { loadPolicy, type Policy } from "./policy.js";

/** The object store from which policies are read. */
export interface PolicyStore {
  readonly blobs: {
    get(key: string): Promise<Uint8Array | undefined>;
    stat(key: string): Promise<{ readonly sizeBytes: number } | undefined>;
  };
}

/** A policy that was read, but not loaded. */
export interface PolicyParts {
  /** The hash of the rules: of the bytes without the data. */
  readonly rules_hash: Blake3Hex;
  readonly data: PolicyData;
}

/** The object store has no bytes of this policy. */
export class PolicyMissing extends Error {
  override readonly name = "PolicyMissing";
}

/** The number of policies kept in memory. Each is a WebAssembly instance of about 1 MiB. */
const POLICIES_MAX_COUNT = 64;

/** Policies by their hash, each loaded once. */
export class StoredPolicies {
  private readonly policies = new Map<string, Promise<Policy | undefined>>();

  /** @param readBytes reads a policy's bytes, which are checked by their hash */
  constructor(readonly readBytes: (tenantId: string, hash: string) => Promise<Uint8Array | undefined>) {}

  /** Reads policies that were published, and those that are staged to be. */
  static openStore({ blobs }: PolicyStore): StoredPolicies {
    return new StoredPolicies(async (tenantId, hash) => {
      const published = await blobs.get(toPolicyBytesKey(tenantId, hash));
      if (published !== undefined) return published;
      // Every member can stage bytes.
      const staged = toStagingKey(tenantId, hash);
      const found = await blobs.stat(staged);
      return found === undefined || found.sizeBytes > POLICY_MAX_BYTES ? undefined : blobs.get(staged);
    });
  }

  /**
   * Reads the parts of one of the tenant's policies without loading its rules, which could run for ever.
   *
   * @throws PolicyMissing if the store does not have its bytes, PolicyBytesError if they are no policy
   */
  readonly readPolicyParts = async (tenantId: string, hash: string): Promise<Outcome<PolicyParts>> => {
    const bytes = await this.readGenuineBytes(tenantId, hash);
    if (bytes === undefined) return denyOtherBytes(hash);
    return grantValue({ rules_hash: hashPolicyRules(bytes), data: readPolicyData(bytes) });
  };

  /**
   * Reads and loads one of the tenant's policies, active or not.
   *
   * @throws PolicyMissing if the store does not have its bytes, PolicyBytesError if they are no policy
   */
  readonly readPolicyByHash = async (tenantId: string, hash: string): Promise<Outcome<Policy>> => {
    const key = `${tenantId}/${hash}`;
    const loading = this.policies.get(key) ?? this.loadStoredPolicy(tenantId, hash);
    // A map keeps insertion order, so the least recently used policy comes first.
    this.policies.delete(key);
    this.policies.set(key, loading);
    for (const oldest of [...this.policies.keys()].slice(0, Math.max(0, this.policies.size - POLICIES_MAX_COUNT)))
      this.policies.delete(oldest);
    try {
      const policy = await loading;
      if (policy === undefined) {
        this.policies.delete(key);
        return denyOtherBytes(hash);
      }
      return grantValue(policy);
    } catch (error) {
      this.policies.delete(key);
      throw error;
    }
  };

  private async loadStoredPolicy(tenantId: string, hash: string): Promise<Policy | undefined> {
    const bytes = await this.readGenuineBytes(tenantId, hash);
    return bytes === undefined ? undefined : loadPolicy(bytes);
  }

  /** Returns undefined if the stored bytes have another hash. @throws PolicyMissing */
  private async readGenuineBytes(tenantId: string, hash: string): Promise<Uint8Array | undefined> {
    const bytes = await this.readBytes(tenantId, hash);
    if (bytes === undefined)
      throw new PolicyMissing(`${toPolicyBytesKey(tenantId, hash)} is missing; stage the policy's bytes, or restore the object.`);
    return hashBlake3Hex(bytes) === hash ? bytes : undefined;
  }
}

function denyOtherBytes(hash: string): Outcome<never> {
  return denyWith("policy_not_current", `The stored bytes of policy ${hash} have another hash; restore them.`);
}
