import type { PolicyCatalog } from "../../decision/policy/policy-catalog.js";
import type { PolicyOffices } from "../dependencies.js";

/** Reads offices from the active policies. A tenant without a policy has none. */
export function createPolicyOffices(policies: PolicyCatalog): PolicyOffices {
  const findActivePolicy: PolicyOffices["findActivePolicy"] = async (tenantId) => {
    const policy = await policies.readActivePolicy(tenantId);
    return policy.ok ? { policy_hash: policy.value.hash, offices: policy.value.data.offices } : undefined;
  };
  return {
    findActivePolicy,
    async listOfficesAllowedTo(tenantId, action) {
      const { offices = {} } = (await findActivePolicy(tenantId)) ?? {};
      const allowed = Object.entries(offices).filter(([, office]) => office.allowed_actions.includes(action));
      return new Set(allowed.map(([officeId]) => officeId));
    },
  };
}
