import type { PolicyCatalog } from "../../decision/policy/policy-catalog.js";

/** Lists the offices that the tenant's active policy lets take an action. A tenant without a policy has none. */
export async function listOfficesAllowedTo(policies: PolicyCatalog, tenantId: string, action: string): Promise<ReadonlySet<string>> {
  const policy = await policies.readActivePolicy(tenantId);
  const offices = policy.ok ? Object.entries(policy.value.data.offices) : [];
  return new Set(offices.filter(([, office]) => office.allowed_actions.includes(action)).map(([officeId]) => officeId));
}
