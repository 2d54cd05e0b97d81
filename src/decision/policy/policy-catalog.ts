import { grantValue, type Outcome } from "../../domain/denial.js";
import type { Charters } from "../charter/charters.js";
import type { NewestCharter } from "../charter/newest-charter.js";
import type { Policy } from "./policy.js";

/** How long LAB 256 may use a charter after reading it. The Runner reads it again for every act, so no act runs under an outdated one. */
const CHARTER_MAX_AGE_MS = 1000;

/** The policies of the tenants' charters. */
export class PolicyCatalog {
  private readonly activeHashes = new Map<string, { hash: Outcome<string>; readAtMs: number }>();

  constructor(
    readonly charters: Charters,
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

  /** Reads one of the tenant's policies, active or not. @throws if the store does not have its bytes */
  readPolicyByHash(tenantId: string, hash: string): Promise<Outcome<Policy>> {
    return this.charters.policies.readPolicyByHash(tenantId, hash);
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
}
