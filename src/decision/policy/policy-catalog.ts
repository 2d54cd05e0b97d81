import type { CharterVersions } from "../../domain/charter/versions.js";
import { grantValue, type Outcome } from "../../domain/denial.js";
import type { Charters } from "../charter/charters.js";
import type { NewestCharter } from "../charter/newest-charter.js";
import type { Policy } from "./policy.js";

/** How long LAB 256 may use a charter after reading it. The Runner reads it again for every act, so no act runs under an outdated one. */
const CHARTER_MAX_AGE_MS = 1000;

type ActivePolicy = Pick<NewestCharter, "policy_hash" | "versions">;

/** The policies of the tenants' charters. */
export class PolicyCatalog {
  private readonly known = new Map<string, { active: Outcome<ActivePolicy>; readAtMs: number }>();

  constructor(
    readonly charters: Charters,
    private readonly now: () => number,
  ) {}

  /** Reads the policy of the tenant's charter, or denies if the tenant has no valid charter. */
  async readActivePolicy(tenantId: string): Promise<Outcome<Policy>> {
    const rules = await this.readActiveRules(tenantId);
    return rules.ok ? grantValue(rules.value.policy) : rules;
  }

  /** Reads the policy of the tenant's charter with the versions that a permit names, or denies if the tenant has no valid charter. */
  async readActiveRules(tenantId: string): Promise<Outcome<{ readonly policy: Policy; readonly versions: CharterVersions }>> {
    const active = await this.readActive(tenantId);
    if (!active.ok) return active;
    const policy = await this.readPolicyByHash(tenantId, active.value.policy_hash);
    return policy.ok ? grantValue({ policy: policy.value, versions: active.value.versions }) : policy;
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

  private async readActive(tenantId: string): Promise<Outcome<ActivePolicy>> {
    const known = this.known.get(tenantId);
    const now = this.now();
    if (known !== undefined && now - known.readAtMs < CHARTER_MAX_AGE_MS) return known.active;
    const active = await this.charters.readNewest(tenantId);
    // Unknown tenants are not remembered, so requests for made-up names use no memory.
    if (active.ok || active.denial.code !== "tenant_unknown") this.known.set(tenantId, { active, readAtMs: now });
    return active;
  }
}
