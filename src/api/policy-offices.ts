import type { PolicyCatalog } from "../permits/policy-catalog.js";
import type { PolicyOffices } from "./dependencies.js";

/** The offices whose `allowed_actions` name an action; none where no policy is published. */
export function policyOffices(policies: PolicyCatalog): PolicyOffices {
  return {
    async allowedTo(tenantId, action) {
      const policy = await policies.active(tenantId);
      if (!policy.ok) return new Set();
      const offices = Object.entries(policy.value.data.offices).filter(([, office]) => office.allowed_actions.includes(action));
      return new Set(offices.map(([officeId]) => officeId));
    },
  };
}
